export type { OutboxLimits } from "./outbox.js";
export { RedisError } from "./redis-error.js";
export { RedisEventSource, type RemoteSubscription } from "./redis-event-source.js";
export type { RedisClient } from "./redis-port.js";
export { RedisRelay } from "./redis-relay.js";
export type { RedisRelayOptions, TappedBus } from "./relay-options.js";
export type { RelayStats } from "./relay-stats.js";
export type { RedisEventSourceOptions } from "./source-options.js";
export type { SourceStats } from "./source-stats.js";
