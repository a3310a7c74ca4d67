import { createNoopMeter, type Meter, type MeterProvider, metrics } from "@opentelemetry/api";
import type { Tap, TapListener } from "../bus/taps.js";
import { version } from "./version.js";

const SCOPE = "spanbus";
const LOOK_MILLIS = 1000;

/** What tells that something happens. */
export interface Tappable {
  tap(listener: TapListener): Tap;
}

/** Who waits for a meter, and where. One of the two is called, once. */
export interface MeterWanted {
  /** Default the global one. */
  readonly provider: MeterProvider | undefined;
  readonly looks: Tappable | undefined;
  use(meter: Meter): void;
  failed(error: unknown): void;
}

/**
 * Gives a meter: at once if there is one, else as soon as a global provider is registered. A meter taken before that would
 * do nothing for ever, so the next second looks again, or before it a new run or an event of a bus. What it returns stops the
 * looking.
 */
export function whenMeter({ provider, looks, ...wanted }: MeterWanted): () => void {
  /** True when there is no need to look again. */
  const look = (): boolean => {
    try {
      const meter = provider ? provider.getMeter(SCOPE, version) : globalMeter();
      if (!meter) return false;
      stop();
      wanted.use(meter);
    } catch (error) {
      stop();
      wanted.failed(error);
    }
    return true;
  };
  let stop = (): void => {};
  if (look()) return stop;
  const tap = looks?.tap({ opened: look, event: look });
  const timer: { unref?(): unknown } & ReturnType<typeof setInterval> = setInterval(look, LOOK_MILLIS);
  // Waiting for a provider holds no process open.
  timer.unref?.();
  stop = () => {
    clearInterval(timer);
    tap?.close();
  };
  return stop;
}

function globalMeter(): Meter | undefined {
  const meter = metrics.getMeter(SCOPE, version);
  return meter === createNoopMeter() ? undefined : meter;
}
