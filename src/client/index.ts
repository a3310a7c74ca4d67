export {
  type Client,
  type ConnectOptions,
  connect,
  type RemoteRunOptions,
  type RemoteSubscribeOptions,
} from "./connect.js";
export type { ConnectionState } from "./connection-state.js";
export { EndpointError, type FetchLike, type HeadersLike } from "./endpoint.js";
