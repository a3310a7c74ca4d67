import type { BusEvent } from "../bus/event.js";
import type { GlobalSubscribeOptions, HistoryOptions, StatsOptions, SubscribeOptions } from "../bus/hub-options.js";
import type { RunInfo, RunStanding } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";
import type { Subscription } from "../bus/subscription.js";

/** What the endpoint reads from: an `EventBus`, or anything with these methods of it. */
export interface ReadableBus {
  subscribe(runId: string, options?: SubscribeOptions): Subscription;
  subscribeGlobal(options?: GlobalSubscribeOptions): Subscription;
  history(runId: string, options?: HistoryOptions): readonly BusEvent[];
  runs(): readonly RunInfo[];
  standing(runId: string, generation?: string): RunStanding | undefined;
  stats(options?: StatsOptions): BusStats;
  /**
   * Nothing comes any more: streams that would never end are refused.
   *
   * @internal
   */
  readonly isShutdown?: boolean;
}
