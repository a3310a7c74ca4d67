import type { StatsOptions } from "../bus/hub-options.js";
import type { BusStats } from "../bus/stats.js";
import type { Tap, TapListener } from "../bus/taps.js";

/** What the metrics need of an `EventBus`. */
export interface ObservedBus {
  stats(options?: StatsOptions): BusStats;
  tap(listener: TapListener): Tap;
}
