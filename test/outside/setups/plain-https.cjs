// Sends what is meant for a secure backend to the plain one of the tests, at the edge of the network.
const http = require("node:http");
const https = require("node:https");
const { syncBuiltinESMExports } = require("node:module");

https.request = (options, ...rest) => http.request({ ...options, protocol: "http:", agent: undefined }, ...rest);
syncBuiltinESMExports();
