import { anObject, optionalFunction, positiveInteger, stringList, wrong } from "../../bus/checks.js";
import type { RunInfo } from "../../bus/run.js";
import type { TapListener } from "../../bus/taps.js";
import { checkedPrefix } from "../keys.js";
import { type RedisClient, type RedisPort, redisPort } from "../port/redis-port.js";
import { timerMillis } from "../timer-millis.js";
import type { OutboxLimits } from "./outbox.js";

/** What a relay takes events from: an `EventBus`. */
export interface TappedBus {
  tap(listener: TapListener): { close(): void };
  runInfo(runId: string): RunInfo | undefined;
}

export interface RedisRelayOptions {
  /** A connected client of node-redis or ioredis, for one server or a cluster. It stays the caller's. */
  readonly client: RedisClient;
  /** Begins the names of all keys and channels: 1 to 128 visible ASCII characters. Default `"spanbus"`. */
  readonly keyPrefix?: string | undefined;
  /** Events kept of each run. Default 500. */
  readonly historyPerRun?: number | undefined;
  /** Runs kept, as nearly as can be: the one heard of longest ago goes first. Default 200. */
  readonly maxRuns?: number | undefined;
  /** How long a run is kept once it is over, in milliseconds. Default 3 600 000 (1 hour). */
  readonly retentionMillis?: number | undefined;
  /** After how many milliseconds of silence a producer counts as lost. It is heard of three times as often. Default 15 000. */
  readonly leaseMillis?: number | undefined;
  /** Event types that are delivered live but not kept. Default `["agent.model.chunk"]`. */
  readonly transient?: readonly string[] | undefined;
  /** What may wait while Redis is away. */
  readonly outbox?: Partial<OutboxLimits> | undefined;
  /** Told what goes wrong with Redis, each kind at most once a minute. */
  readonly onError?: ((error: Error) => void) | undefined;
}

const limits = { historyPerRun: 500, maxRuns: 200, retentionMillis: 3_600_000, leaseMillis: 15_000 } as const;
const outboxLimits: OutboxLimits = { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024 };

export type RelaySettings = Record<keyof typeof limits, number> & {
  readonly port: RedisPort;
  readonly keyPrefix: string;
  readonly transient: ReadonlySet<string>;
  readonly outbox: OutboxLimits;
  readonly onError: RedisRelayOptions["onError"];
};

export function relaySettings(bus: TappedBus, given: RedisRelayOptions): RelaySettings {
  if (typeof bus !== "object" || bus === null || typeof bus.tap !== "function" || typeof bus.runInfo !== "function")
    throw wrong(TypeError, "bus", "an EventBus", bus);
  anObject("options", given);
  const { outbox = {} } = given;
  anObject("outbox", outbox);
  return {
    port: redisPort(given.client),
    keyPrefix: checkedPrefix(given.keyPrefix ?? "spanbus"),
    historyPerRun: positiveInteger("historyPerRun", given.historyPerRun ?? limits.historyPerRun),
    maxRuns: positiveInteger("maxRuns", given.maxRuns ?? limits.maxRuns),
    retentionMillis: positiveInteger("retentionMillis", given.retentionMillis ?? limits.retentionMillis),
    leaseMillis: timerMillis("leaseMillis", given.leaseMillis ?? limits.leaseMillis),
    transient: new Set(stringList("transient", given.transient ?? ["agent.model.chunk"])),
    outbox: {
      maxEvents: positiveInteger("outbox.maxEvents", outbox.maxEvents ?? outboxLimits.maxEvents),
      maxBytes: positiveInteger("outbox.maxBytes", outbox.maxBytes ?? outboxLimits.maxBytes),
    },
    onError: optionalFunction("onError", given.onError),
  };
}
