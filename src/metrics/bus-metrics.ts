import type { Attributes, BatchObservableResult, Meter, Observable } from "@opentelemetry/api";
import { type BusStats, detailFigures, dimensions, type FigureRow, figures, sharedMetrics } from "../bus/stats.js";
import type { Stop } from "./component.js";
import type { ObservedBus } from "./observed-bus.js";

/** Reports the figures of `stats()`, all in one look per collection. */
export function observeStats(meter: Meter, bus: ObservedBus, component: Attributes): Stop {
  const observed = new ObservedFigures(meter, bus, component);
  return () => observed.close();
}

/** One number of `stats()` as a metric has it. */
interface Series {
  readonly instrument: Observable;
  readonly attributes: Attributes;
  readonly isCounter: boolean;
  read(figures: object): number;
}

class ObservedFigures {
  readonly #meter: Meter;
  readonly #series: readonly Series[];
  readonly #instruments: Observable[];
  /** Until it is closed: nothing shall hold a bus that nobody observes. */
  #bus: ObservedBus | undefined;
  #last: BusStats | undefined;
  readonly #observe = (result: BatchObservableResult): void => {
    const stats = this.#stats();
    if (!stats) return;
    const figures = { ...stats, ...stats.details };
    for (const { instrument, attributes, isCounter, read } of this.#series) {
      result.observe(instrument, this.#bus || isCounter ? read(figures) : 0, attributes);
    }
  };

  constructor(meter: Meter, bus: ObservedBus, component: Attributes) {
    this.#meter = meter;
    this.#bus = bus;
    const instruments = new Map<string, Observable>();
    this.#series = Object.entries<FigureRow>({ ...figures, ...detailFigures }).flatMap(([figure, row]) => {
      const instrument = instruments.get(row.metric) ?? createInstrument(meter, row);
      instruments.set(row.metric, instrument);
      return partsOf(row).map(({ path, attributes }) => ({
        instrument,
        attributes: { ...component, ...attributes },
        isCounter: row.instrument === "counter",
        read: (figures) => valueAt(figures, [figure, ...path]),
      }));
    });
    this.#instruments = [...instruments.values()];
    meter.addBatchObservableCallback(this.#observe, this.#instruments);
  }

  /**
   * A cumulative reader repeats for ever what it saw last, and an alert on it would never end: so counters stay, and levels
   * fall to 0. What it returns takes the series away.
   */
  close(): () => void {
    this.#last = this.#stats();
    this.#bus = undefined;
    return () => this.#meter.removeBatchObservableCallback(this.#observe, this.#instruments);
  }

  #stats(): BusStats | undefined {
    return this.#bus ? this.#bus.stats({ depths: false, details: true }) : this.#last;
  }
}

function createInstrument(meter: Meter, { instrument, metric, unit, says }: FigureRow): Observable {
  const shared: Readonly<Record<string, string>> = sharedMetrics;
  const options = { unit, description: shared[metric] ?? says };
  switch (instrument) {
    case "counter":
      return meter.createObservableCounter(metric, options);
    case "upDownCounter":
      return meter.createObservableUpDownCounter(metric, options);
    case "gauge":
      return meter.createObservableGauge(metric, options);
  }
}

interface Part {
  readonly path: readonly string[];
  readonly attributes: Attributes;
}

/** What a figure is split into: each combination of the values of its dimensions, or the one part that it is. */
function partsOf({ by = [], is = {} }: FigureRow): readonly Part[] {
  const fixed = Object.entries(is).map(([name, value]) => [dimensions[name as keyof typeof is].attribute, value]);
  let parts: readonly Part[] = [{ path: [], attributes: Object.fromEntries(fixed) }];
  for (const dimension of by) {
    const { attribute, values } = dimensions[dimension];
    parts = parts.flatMap(({ path, attributes }) =>
      Object.keys(values).map((value) => ({
        path: [...path, value],
        attributes: { ...attributes, [attribute]: value },
      })),
    );
  }
  return parts;
}

function valueAt(figures: object, path: readonly string[]): number {
  let value: unknown = figures;
  for (const step of path) value = (value as Readonly<Record<string, unknown>>)[step];
  return value as number;
}
