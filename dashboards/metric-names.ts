import type { FigureTable } from "../src/bus/figure-table.js";
import { busTable } from "../src/bus/stats.js";
import { type AgentAttribute, agentAttributes, agentFigures } from "../src/metrics/agent-figures.js";
import { relayTable } from "../src/redis/relay/relay-stats.js";
import { sourceTable } from "../src/redis/source/source-stats.js";

/** The names that metrics and attributes have in Prometheus. The tables of `src/` are the only source of both. */

/** What counts, and the figures of its `stats()`. */
export const tables = { bus: busTable, relay: relayTable, source: sourceTable } as const satisfies Record<
  string,
  FigureTable
>;

type Tables = (typeof tables)[keyof typeof tables];
type ValueIn<T> = T extends unknown ? T[keyof T] : never;
type StatsRow = ValueIn<Tables["figures"]>;
type AgentRows = typeof agentFigures;
type Instrument = StatsRow["instrument"] | AgentRows[keyof AgentRows]["instrument"];

/** The metrics that are made by one kind of instrument. */
type MadeBy<I extends Instrument> =
  | Extract<StatsRow, { instrument: I }>["metric"]
  | { [M in keyof AgentRows]: AgentRows[M]["instrument"] extends I ? M : never }[keyof AgentRows];

export type Counter = MadeBy<"counter">;
export type Histogram = MadeBy<"histogram">;
/** What goes up and down, and may be shown as it is. */
export type Level = MadeBy<"upDownCounter" | "gauge">;
export type Metric = Counter | Histogram | Level;

export interface MetricRow {
  readonly metric: Metric;
  readonly instrument: Instrument;
  readonly unit: string;
}

const statsRows = Object.values(tables).flatMap(({ figures }): readonly MetricRow[] => Object.values(figures));
const agentRows: readonly MetricRow[] = Object.entries(agentFigures).map(([metric, { instrument, unit }]) => ({
  metric: metric as keyof AgentRows,
  instrument,
  unit,
}));

/** Every metric of the package. */
export const metricRows: ReadonlyMap<Metric, MetricRow> = new Map(
  [...statsRows, ...agentRows].map((row) => [row.metric, row]),
);

export type Attribute =
  | ValueIn<Tables["dimensions"]>["attribute"]
  | AgentAttribute
  | "otel.component.type"
  | "otel.component.name";

const statsAttributes = Object.values(tables).flatMap(({ dimensions }) =>
  Object.values(dimensions).map(({ attribute }): Attribute => attribute),
);

/** Every attribute that a series may carry. */
export const attributes: readonly Attribute[] = [
  "otel.component.type",
  "otel.component.name",
  ...new Set(statsAttributes),
  ...(Object.keys(agentAttributes) as AgentAttribute[]),
];

/** What a collector, or Prometheus with an OTLP receiver, adds to the name of a metric of this unit. */
const suffixes: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes", "1": "_ratio" };

/** The name that the Prometheus exporter of OpenTelemetry JS gives to a metric. */
export function prometheusName({ metric, instrument }: MetricRow): string {
  return `${underscored(metric)}${instrument === "counter" ? "_total" : ""}`;
}

/** The name that a metric has when it came over OTLP. */
export function prometheusNameOverOtlp({ metric, instrument, unit }: MetricRow): string {
  return `${underscored(metric)}${suffixes[unit] ?? ""}${instrument === "counter" ? "_total" : ""}`;
}

export function label(attribute: Attribute): string {
  return underscored(attribute);
}

/** Matches what failed. What was cancelled has a type of error, too, and did not fail. */
export const failed = `${label("error.type")}!~"|AbortError"`;

export interface Selection {
  /** Matchers, as PromQL writes them. */
  readonly where?: readonly string[];
  /** Which series of a histogram. */
  readonly part?: "_bucket" | "_count" | "_sum";
}

/** Selects the series of a metric, however they came to Prometheus. */
export function select(metric: Metric, { where = [], part }: Selection = {}): string {
  const row = metricRows.get(metric);
  if (!row) throw new RangeError(`no table has the metric ${metric}`);
  const suffix = suffixes[row.unit];
  const name = `${underscored(metric)}${suffix ? `(${suffix})?` : ""}${row.instrument === "counter" ? "_total" : ""}`;
  if (suffix) return `{${[`__name__=~"${name}${part ?? ""}"`, ...where].join(",")}}`;
  return `${name}${part ?? ""}${where.length > 0 ? `{${where.join(",")}}` : ""}`;
}

/** How full the outbox of each relay is, in events or in bytes, whichever is more. */
export function outboxFill(where: readonly string[] = []): string {
  const events = `${select("spanbus.relay.outbox.event.count", { where })} / ${select("spanbus.relay.outbox.event.capacity", { where })}`;
  const bytes = `${select("spanbus.relay.outbox.size", { where })} / ${select("spanbus.relay.outbox.capacity", { where })}`;
  return `(${events} > ${bytes}) or ${bytes}`;
}

function underscored(name: string): string {
  return name.replaceAll(".", "_");
}
