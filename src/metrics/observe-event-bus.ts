import type { Attributes, Meter } from "@opentelemetry/api";
import { anObject, flag, wrong } from "../bus/checks.js";
import { busTable } from "../bus/stats.js";
import { recordAgents } from "./agent-metrics.js";
import { type Observation, type ObserveOptions, observation, type Plan } from "./observation.js";
import type { ObservedBus } from "./observed-bus.js";
import { observeStats } from "./observed-figures.js";

export interface ObserveBusOptions extends ObserveOptions {
  /** Metrics of agents, models and tools besides those of the bus. Default false: an instrumentation may emit them already. */
  readonly agentMetrics?: boolean | undefined;
}

/**
 * Reports `bus.stats()` as OpenTelemetry metrics, read once per collection: publishing costs nothing more. The metrics outlive
 * the shutdown of the bus, so that the last export has the last values. Observing a bus twice counts nothing twice.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function observeEventBus(bus: ObservedBus, options: ObserveBusOptions = {}): Observation {
  if (typeof bus?.stats !== "function" || typeof bus.tap !== "function") {
    throw wrong(TypeError, "bus", "an EventBus", bus);
  }
  anObject("options", options);
  const withAgents = flag("agentMetrics", options.agentMetrics ?? false);
  const parts: Plan["parts"] = {
    stats: (meter, component) => observeStats(meter, busTable, bus, component),
    ...(withAgents && { agents: (meter: Meter, component: Attributes) => recordAgents(meter, bus, component) }),
  };
  return observation({ observed: bus, type: busTable.component, parts, looks: bus }, options);
}
