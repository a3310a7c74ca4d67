import { type Attributes, diag, type Meter, type MeterProvider } from "@opentelemetry/api";
import { anObject, wrong } from "../bus/checks.js";
import type { DisposableLike } from "../bus/taps.js";
import { checkedName, componentOf, type Stop, type Typed } from "./component.js";
import { type Tappable, whenMeter } from "./when-meter.js";

export interface ObserveOptions {
  /** Where the metrics go. Default the global meter provider, also when it is registered later. */
  readonly meterProvider?: MeterProvider | undefined;
  /**
   * `otel.component.name` of every series, 1 to 256 characters. Default `spanbus.EventBus/0`, `/1` … in the order in which
   * components of that type are observed in the process. A name that another of the type has gets a number, too.
   */
  readonly name?: string | undefined;
}

/** What `observe` and `observeEventBus` return; `using` stops the metrics at the end of the block. */
export type Observation = DisposableLike & {
  /** Stops the metrics of this component: counters stay where they are, what goes up and down is 0. */
  close(): void;
};

/** What is observed, and which parts of its metrics are wanted. */
export interface Plan extends Typed {
  /** By their names: one that is wanted twice is there once. */
  readonly parts: Readonly<Record<string, (meter: Meter, component: Attributes) => Stop>>;
  /** What happens here looks for a global provider that comes late. */
  readonly looks?: Tappable;
}

/** @throws TypeError or RangeError that names the option. */
export function observation(plan: Plan, options: ObserveOptions): Observation {
  anObject("options", options);
  const { meterProvider } = options;
  if (meterProvider !== undefined && typeof meterProvider?.getMeter !== "function") {
    throw wrong(TypeError, "meterProvider", "a MeterProvider", meterProvider);
  }
  const name = checkedName(options.name);
  const stops: (() => void)[] = [];
  const use = (meter: Meter): void => {
    const { attributes, share } = componentOf(meter, plan, name);
    for (const [part, begin] of Object.entries(plan.parts)) stops.push(share(part, () => begin(meter, attributes)));
  };
  const stopLooking = whenMeter({ provider: meterProvider, looks: plan.looks, use, failed: tellFailure });
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
