export { type Client, type ConnectOptions, connect, type RemoteSubscribeOptions } from "./connect.js";
export { EndpointError } from "./endpoint.js";
export type { ConnectionState } from "./remote-subscription.js";
