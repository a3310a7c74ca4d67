import { diag, type Meter, type MeterProvider } from "@opentelemetry/api";
import { anObject, flag, wrong } from "../bus/checks.js";
import type { DisposableLike } from "../bus/taps.js";
import { recordAgents } from "./agent-metrics.js";
import { observeStats } from "./bus-metrics.js";
import { checkedName, componentOf } from "./component.js";
import type { ObservedBus } from "./observed-bus.js";
import { whenMeter } from "./when-meter.js";

export interface ObserveOptions {
  /** Where the metrics go. Default the global meter provider, also when it is registered later. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * `otel.component.name` of every series, 1 to 256 characters. Default `spanbus.EventBus/0`, `/1` … in the order in which
   * the buses of the process are observed. A name that another bus has gets a number, too.
   */
  readonly name?: string | undefined;
  /** Metrics of agents, models and tools besides those of the bus. Default false: an instrumentation may emit them already. */
  readonly agentMetrics?: boolean | undefined;
}

/** What `observeEventBus` returns; `using` stops the metrics at the end of the block. */
export type Observation = DisposableLike & {
  /** Stops the metrics of this bus: counters stay where they are, what goes up and down is 0. */
  close(): void;
};

/**
 * Reports `bus.stats()` as OpenTelemetry metrics, read once per collection: publishing costs nothing more. The metrics outlive
 * the shutdown of the bus, so that the last export has the last values. Observing a bus twice counts nothing twice.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function observeEventBus(bus: ObservedBus, options: ObserveOptions = {}): Observation {
  if (typeof bus?.stats !== "function" || typeof bus.tap !== "function") {
    throw wrong(TypeError, "bus", "an EventBus", bus);
  }
  anObject("options", options);
  const { meterProvider, agentMetrics = false } = options;
  if (meterProvider !== undefined && typeof meterProvider?.getMeter !== "function") {
    throw wrong(TypeError, "meterProvider", "a MeterProvider", meterProvider);
  }
  flag("agentMetrics", agentMetrics);
  const name = checkedName(options.name);

  const stops: (() => void)[] = [];
  const use = (meter: Meter): void => {
    const { attributes, share } = componentOf(meter, bus, name);
    stops.push(share("stats", () => observeStats(meter, bus, attributes)));
    if (agentMetrics) stops.push(share("agents", () => recordAgents(meter, bus, attributes)));
  };
  const stopLooking = whenMeter(bus, meterProvider, { use, failed: tellFailure });
  const close = (): void => {
    stopLooking();
    for (const stop of stops.splice(0)) {
      try {
        stop();
      } catch (error) {
        tellFailure(error);
      }
    }
  };
  return { close, [Symbol.dispose]: close };
}

/** What a meter provider throws is not the application's affair. */
function tellFailure(error: unknown): void {
  try {
    diag.error("spanbus: the meter provider failed, so there may be no metrics", error);
  } catch {
    // A logger that throws is not either.
  }
}
