export { RedisError } from "./port/redis-error.js";
export type { RedisClient } from "./port/redis-port.js";
export type { OutboxLimits } from "./relay/outbox.js";
export { RedisRelay } from "./relay/redis-relay.js";
export type { RedisRelayOptions, TappedBus } from "./relay/relay-options.js";
export type { RelayStats } from "./relay/relay-stats.js";
export { RedisEventSource, type RemoteSubscription } from "./source/redis-event-source.js";
export type { RedisEventSourceOptions } from "./source/source-options.js";
export type { SourceStats } from "./source/source-stats.js";
