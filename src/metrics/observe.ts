import { wrong } from "../bus/checks.js";
import type { FigureTable } from "../bus/figure-table.js";
import type { StatsOptions } from "../bus/hub-options.js";
import { type Observation, type ObserveOptions, observation, type Plan } from "./observation.js";
import { observeStats } from "./observed-figures.js";

/** What counts and says what its numbers are: a `RedisRelay`, a `RedisEventSource`. */
export interface Observed {
  readonly figures: FigureTable;
  stats(options?: StatsOptions): object;
}

/**
 * Reports the `stats()` of a `RedisRelay` or `RedisEventSource` as OpenTelemetry metrics, read once per collection. The metrics
 * outlive its close, so that the last export has the last values. Observing it twice counts nothing twice.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function observe(observed: Observed, options: ObserveOptions = {}): Observation {
  if (typeof observed?.stats !== "function" || typeof observed.figures?.component !== "string") {
    throw wrong(TypeError, "observed", "a RedisRelay or a RedisEventSource; a bus is for `observeEventBus`", observed);
  }
  const { figures } = observed;
  const parts: Plan["parts"] = {
    stats: (meter, component) => observeStats(meter, figures, observed, component),
  };
  return observation({ observed, type: figures.component, parts }, options);
}
