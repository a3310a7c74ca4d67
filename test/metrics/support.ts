import type { Attributes } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  MeterProvider,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import type { FigureTable } from "../../src/bus/figure-table.js";

/** A reader that collects when it is asked to, and once more when its provider shuts down. */
export class Collector extends MetricReader {
  /** What the last collection found. */
  metrics: readonly MetricData[] = [];

  constructor(temporality = AggregationTemporality.CUMULATIVE) {
    super({ aggregationTemporalitySelector: () => temporality });
  }

  async look(): Promise<this> {
    const { resourceMetrics, errors } = await this.collect();
    if (errors.length > 0) throw errors[0];
    this.metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return this;
  }

  metric(name: string): MetricData {
    const found = this.metrics.find(({ descriptor }) => descriptor.name === name);
    if (!found) throw new Error(`no ${name} among ${this.metrics.map(({ descriptor }) => descriptor.name).join(", ")}`);
    return found;
  }

  /** The points of a metric whose attributes include these. */
  points<T = number>(name: string, attributes: Attributes = {}): readonly DataPoint<T>[] {
    const points: readonly DataPoint<unknown>[] = this.metric(name).dataPoints;
    return (points as readonly DataPoint<T>[]).filter((point) =>
      Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
    );
  }

  /** The value of the only point with these attributes. */
  value<T = number>(name: string, attributes: Attributes = {}): T {
    const [point, ...more] = this.points<T>(name, attributes);
    if (!point || more.length > 0) throw new Error(`${more.length + (point ? 1 : 0)} points of ${name}, not one`);
    return point.value;
  }

  protected override async onForceFlush(): Promise<void> {
    await this.look();
  }

  protected override async onShutdown(): Promise<void> {
    await this.look();
  }
}

/** Each series that a table promises, and the number of `stats()` that it must show. */
export function promised(
  { figures, dimensions }: FigureTable,
  stats: object,
): { metric: string; attributes: Attributes; value: number }[] {
  const attributeOf = (name: string): string => dimensions[name]?.attribute ?? name;
  return Object.entries(figures).flatMap(([figure, { metric, by = [], is = {} }]) => {
    const { details }: { details?: object } = stats;
    const all: Readonly<Record<string, unknown>> = { ...stats, ...details };
    const fixed = Object.entries(is).map(([name, value]) => [attributeOf(name), value]);
    let parts: { attributes: Attributes; value: unknown }[] = [
      { attributes: Object.fromEntries(fixed), value: all[figure] },
    ];
    for (const name of by) {
      parts = parts.flatMap(({ attributes, value }) =>
        Object.entries(value as Record<string, unknown>).map(([key, part]) => ({
          attributes: { ...attributes, [attributeOf(name)]: key },
          value: part,
        })),
      );
    }
    return parts.map(({ attributes, value }) => ({ metric, attributes, value: value as number }));
  });
}

/** A meter provider and who collects from it. */
export function metering(...temporalities: readonly AggregationTemporality[]): {
  provider: MeterProvider;
  collector: Collector;
  collectors: readonly Collector[];
} {
  const collectors = (temporalities.length > 0 ? temporalities : [AggregationTemporality.CUMULATIVE]).map(
    (temporality) => new Collector(temporality),
  );
  const [collector] = collectors as [Collector];
  return { provider: new MeterProvider({ readers: collectors }), collector, collectors };
}
