import type { Attributes } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type DataPoint,
  MeterProvider,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";

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
