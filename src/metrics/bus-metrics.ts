import type { Attributes, BatchObservableResult, Meter, Observable } from "@opentelemetry/api";
import { type BusStats, detailFigures, dimensions, type FigureRow, figures, sharedMetrics } from "../bus/stats.js";
import type { ObservedBus } from "./observed-bus.js";

/** One number of `stats()` as a metric has it. */
interface Series {
  readonly instrument: Observable;
  readonly attributes: Attributes;
  read(stats: BusStats): number;
}

/** Reports the figures of `stats()`, all in one look per collection. What it returns stops it. */
export function observeStats(meter: Meter, bus: ObservedBus, component: Attributes): () => void {
  const instruments = new Map<string, Observable>();
  const series: Series[] = [];
  for (const [figure, row] of Object.entries<FigureRow>({ ...figures, ...detailFigures })) {
    const instrument = instruments.get(row.metric) ?? createInstrument(meter, row);
    instruments.set(row.metric, instrument);
    for (const { path, attributes } of partsOf(row)) {
      const read = (stats: BusStats): number => valueAt({ ...stats, ...stats.details }, [figure, ...path]);
      series.push({ instrument, attributes: { ...component, ...attributes }, read });
    }
  }
  const observe = (result: BatchObservableResult): void => {
    const stats = bus.stats({ depths: false, details: true });
    for (const { instrument, attributes, read } of series) result.observe(instrument, read(stats), attributes);
  };
  const observed = [...instruments.values()];
  meter.addBatchObservableCallback(observe, observed);
  return () => meter.removeBatchObservableCallback(observe, observed);
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
