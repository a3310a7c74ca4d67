import type { MeterProvider } from "@opentelemetry/api";
import { anObject, flag, wrong } from "../bus/checks.js";
import type { DisposableLike } from "../bus/taps.js";
import { recordAgents } from "./agent-metrics.js";
import { observeStats } from "./bus-metrics.js";
import { componentAttributes } from "./component.js";
import type { ObservedBus } from "./observed-bus.js";
import { whenMeter } from "./when-meter.js";

export interface ObserveOptions {
  /** Where the metrics go. Default the global meter provider, also when it is registered later. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * `otel.component.name` of every series, 1 to 256 characters. Default `spanbus.EventBus/0`, `/1` … in the order in which
   * the buses of the process are observed.
   */
  readonly name?: string | undefined;
  /** Metrics of agents, models and tools besides those of the bus. Default false: an instrumentation may emit them already. */
  readonly agentMetrics?: boolean | undefined;
}

/** What `observeEventBus` returns; `using` stops the metrics at the end of the block. */
export type Observation = DisposableLike & {
  /** Stops the metrics of this bus. */
  close(): void;
};

/**
 * Reports `bus.stats()` as OpenTelemetry metrics, read once per collection: publishing costs nothing more. The metrics outlive
 * the shutdown of the bus, so that the last export has the last values.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function observeEventBus(bus: ObservedBus, options: ObserveOptions = {}): Observation {
  if (typeof bus?.stats !== "function" || typeof bus.tap !== "function") {
    throw wrong(TypeError, "bus", "an EventBus", bus);
  }
  anObject("options", options);
  const { meterProvider, name, agentMetrics = false } = options;
  if (meterProvider !== undefined && typeof meterProvider?.getMeter !== "function") {
    throw wrong(TypeError, "meterProvider", "a MeterProvider", meterProvider);
  }
  flag("agentMetrics", agentMetrics);
  const component = componentAttributes(bus, name);

  const stops: (() => void)[] = [];
  stops.push(
    whenMeter(bus, meterProvider, (meter) => {
      stops.push(observeStats(meter, bus, component));
      if (agentMetrics) stops.push(recordAgents(meter, bus, component));
    }),
  );
  const close = (): void => {
    for (const stop of stops.splice(0)) stop();
  };
  return { close, [Symbol.dispose]: close };
}
