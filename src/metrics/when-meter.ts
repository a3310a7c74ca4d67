import { createNoopMeter, diag, type Meter, type MeterProvider, metrics } from "@opentelemetry/api";
import type { ObservedBus } from "./observed-bus.js";
import { version } from "./version.js";

const SCOPE = "spanbus";
const LOOK_MILLIS = 1000;

/**
 * Calls `use` with a meter: at once if there is one, else as soon as a global provider is registered. A meter taken before
 * that would do nothing for ever, so a new run, an event or the next second looks again. What it returns stops the looking.
 */
export function whenMeter(
  bus: ObservedBus,
  provider: MeterProvider | undefined,
  use: (meter: Meter) => void,
): () => void {
  const now = provider ? provider.getMeter(SCOPE, version) : globalMeter();
  if (now) {
    use(now);
    return () => {};
  }
  const stop = (): void => {
    clearInterval(timer);
    tap.close();
  };
  const look = (): void => {
    const meter = globalMeter();
    if (!meter) return;
    stop();
    try {
      use(meter);
    } catch (error) {
      diag.error("spanbus: the meter provider failed, there will be no metrics", error);
    }
  };
  const tap = bus.tap({ opened: look, event: look });
  const timer: { unref?(): unknown } & ReturnType<typeof setInterval> = setInterval(look, LOOK_MILLIS);
  // Waiting for a provider holds no process open.
  timer.unref?.();
  return stop;
}

function globalMeter(): Meter | undefined {
  const meter = metrics.getMeter(SCOPE, version);
  return meter === createNoopMeter() ? undefined : meter;
}
