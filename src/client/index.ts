export { type Client, type ConnectOptions, connect, type RemoteSubscribeOptions } from "./connect.js";
export type { ConnectionState } from "./connection-state.js";
export { EndpointError } from "./endpoint.js";
