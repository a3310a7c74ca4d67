import { anObject, optionalFunction, positiveInteger } from "../../bus/checks.js";
import { checkedPrefix } from "../keys.js";
import { type RedisClient, type RedisPort, redisPort } from "../port/redis-port.js";
import { timerMillis } from "../timer-millis.js";

export interface RedisEventSourceOptions {
  /** A connected client of node-redis or ioredis, for one server or a cluster. It stays the caller's. */
  readonly client: RedisClient;
  /** That of the relays. Default `"spanbus"`. */
  readonly keyPrefix?: string | undefined;
  /** Live events a reader may leave unread before it loses the oldest. Default 1024. */
  readonly maxQueueSize?: number | undefined;
  /** Readers of all runs. Default 50. */
  readonly maxGlobalSubscribers?: number | undefined;
  /** Readers of runs, all runs together. Default 10 000. */
  readonly maxRunSubscribers?: number | undefined;
  /** A reader that leaves waiting events unread for this long is ended as `idle`, in milliseconds. Default 300 000. */
  readonly unreadTimeoutMillis?: number | undefined;
  /**
   * How often Redis is asked where the runs stand that are read, in milliseconds: so an end or an event is found of which the
   * message was lost, at the second look at the latest. So are, while all runs are read, those whose producers were lost. The connection for messages is asked as often whether it lives, and made anew when nothing came over it
   * for five times as long (that of a cluster is the client's to watch). Default 2000.
   */
  readonly lookMillis?: number | undefined;
  /** Told what goes wrong, each kind at most once a minute. */
  readonly onError?: ((error: Error) => void) | undefined;
}

const limits = {
  maxQueueSize: 1024,
  maxGlobalSubscribers: 50,
  maxRunSubscribers: 10_000,
  unreadTimeoutMillis: 300_000,
  lookMillis: 2000,
} as const;

export type SourceSettings = Record<keyof typeof limits, number> & {
  readonly port: RedisPort;
  readonly keyPrefix: string;
  readonly onError: RedisEventSourceOptions["onError"];
};

export function sourceSettings(given: RedisEventSourceOptions): SourceSettings {
  anObject("options", given);
  const limit = (name: keyof typeof limits): number => positiveInteger(name, given[name] ?? limits[name]);
  return {
    port: redisPort(given.client),
    keyPrefix: checkedPrefix(given.keyPrefix ?? "spanbus"),
    maxQueueSize: limit("maxQueueSize"),
    maxGlobalSubscribers: limit("maxGlobalSubscribers"),
    maxRunSubscribers: limit("maxRunSubscribers"),
    unreadTimeoutMillis: limit("unreadTimeoutMillis"),
    lookMillis: timerMillis("lookMillis", given.lookMillis ?? limits.lookMillis),
    onError: optionalFunction("onError", given.onError),
  };
}
