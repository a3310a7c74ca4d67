import type { BusEvent } from "../bus/event.js";
import type { GlobalSubscribeOptions, HistoryOptions, StatsOptions, SubscribeOptions } from "../bus/hub-options.js";
import type { RunInfo, RunSnapshot, RunStanding } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";
import type { Subscription } from "../bus/subscription.js";

/** At once, or once it was asked for elsewhere. */
export type Eventually<T> = T | Promise<T>;

/** A subscription, attached now or when `attached` settles. */
export type ReadableSubscription = Subscription & {
  readonly attached?: Promise<void>;
  /** Id of the last event of the run, once that is over. Where it is never there, the bus is asked. */
  readonly endId?: string | undefined;
};

/** What the endpoint reads from: an `EventBus`, a `RedisEventSource`, or anything with these methods of theirs. */
export interface ReadableBus {
  subscribe(runId: string, options?: SubscribeOptions): ReadableSubscription;
  subscribeGlobal(options?: GlobalSubscribeOptions): ReadableSubscription;
  history(runId: string, options?: HistoryOptions): Eventually<readonly BusEvent[]>;
  runs(): Eventually<readonly RunInfo[]>;
  standing(runId: string, generation?: string): Eventually<RunStanding | undefined>;
  /** Both at one moment: of a run that begins anew meanwhile they would not go together. */
  snapshot(runId: string, options?: HistoryOptions): Eventually<RunSnapshot | undefined>;
  stats(options?: StatsOptions): Eventually<BusStats>;
  /**
   * Nothing comes any more: streams that would never end are refused.
   *
   * @internal
   */
  readonly isShutdown?: boolean;
}
