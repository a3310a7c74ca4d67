import type { Attributes, BatchObservableResult, Meter, Observable } from "@opentelemetry/api";
import type { FigureRow, FigureTable } from "../bus/figure-table.js";
import type { StatsOptions } from "../bus/hub-options.js";
import type { Stop } from "./component.js";
import { type Series, seriesOf } from "./series.js";

/** What has the numbers of a table. */
export interface HasStats {
  stats(options?: StatsOptions): object;
}

/** Reports the figures of `stats()`, all in one look per collection. */
export function observeStats(meter: Meter, table: FigureTable, of: HasStats, component: Attributes): Stop {
  const observed = new ObservedFigures(meter, table, of, component);
  return () => observed.close();
}

class ObservedFigures {
  readonly #meter: Meter;
  readonly #series: readonly (Series & { readonly instrument: Observable })[];
  readonly #instruments: Observable[];
  /** Until it is closed: nothing shall hold what nobody observes. */
  #observed: HasStats | undefined;
  #last: object | undefined;
  readonly #observe = (result: BatchObservableResult): void => {
    const figures = this.#figures();
    if (!figures) return;
    for (const { instrument, attributes, row, path } of this.#series) {
      const isShown = this.#observed || row.instrument === "counter";
      result.observe(instrument, isShown ? valueAt(figures, path) : 0, attributes);
    }
  };

  constructor(meter: Meter, table: FigureTable, observed: HasStats, component: Attributes) {
    this.#meter = meter;
    this.#observed = observed;
    const instruments = new Map<string, Observable>();
    this.#series = seriesOf(table).map(({ row, attributes, path }) => {
      const instrument =
        instruments.get(row.metric) ?? createInstrument(meter, row, table.sharedMetrics?.[row.metric] ?? row.says);
      instruments.set(row.metric, instrument);
      return { row, instrument, attributes: { ...component, ...attributes }, path };
    });
    this.#instruments = [...instruments.values()];
    meter.addBatchObservableCallback(this.#observe, this.#instruments);
  }

  /**
   * A cumulative reader repeats for ever what it saw last, and an alert on it would never end: so counters stay, and levels
   * fall to 0. What it returns takes the series away.
   */
  close(): () => void {
    this.#last = this.#figures();
    this.#observed = undefined;
    return () => this.#meter.removeBatchObservableCallback(this.#observe, this.#instruments);
  }

  #figures(): object | undefined {
    if (!this.#observed) return this.#last;
    const stats: { readonly details?: object } = this.#observed.stats({ depths: false, details: true });
    return { ...stats, ...stats.details };
  }
}

function createInstrument(meter: Meter, { instrument, metric, unit }: FigureRow, description: string): Observable {
  const options = { unit, description };
  switch (instrument) {
    case "counter":
      return meter.createObservableCounter(metric, options);
    case "upDownCounter":
      return meter.createObservableUpDownCounter(metric, options);
    case "gauge":
      return meter.createObservableGauge(metric, options);
  }
}

function valueAt(figures: object, path: readonly string[]): number {
  let value: unknown = figures;
  for (const step of path) value = (value as Readonly<Record<string, unknown>>)[step];
  return value as number;
}
