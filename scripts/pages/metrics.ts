import {
  type Attribute,
  label,
  type Metric,
  metricRows,
  prometheusName,
  prometheusNameOverOtlp,
  tables,
} from "../../dashboards/metric-names.js";
import { type Alert, alerts, recordings } from "../../dashboards/rules.js";
import type { Dimension, FigureRow, FigureTable } from "../../src/bus/figure-table.js";
import { type AgentAttribute, type AgentFigureRow, agentFigures, measured } from "../../src/metrics/agent-figures.js";
import { seriesOf } from "../../src/metrics/series.js";
import { fence, list, table, wrapped } from "./markdown.js";

/** docs/METRICS.md, from the tables of metrics and alerts. */
export function metricsPage(): string {
  return `${[...switchingOn(), ...busMetrics(), ...redisMetrics(), ...agentMetrics(), ...cardinality(), ...prometheus(), ...runbook()].join("\n\n")}\n`;
}

function switchingOn(): string[] {
  return [
    "<!-- Written by `npm run docs` from src/bus/stats.ts, src/redis/relay/relay-stats.ts, src/redis/source/source-stats.ts, src/metrics/agent-figures.ts and dashboards/rules.ts. Do not edit by hand. -->",
    "# Metrics",
    wrapped(
      "`observeEventBus` of `spanbus/metrics` reports [`bus.stats()`](STATS.md) as OpenTelemetry metrics, and on request measures agents, models and tools. Figures of the bus are read once per collection: publishing costs nothing more.",
    ),
    "## Switch it on",
    `${fence}ts
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { EventBus } from "spanbus";
import { observeEventBus } from "spanbus/metrics";

const bus = new EventBus();
const exporter = new PrometheusExporter({ preventServerStart: true }); // without this option it serves :9464/metrics
const meterProvider = new MeterProvider({ readers: [exporter] });
const observation = observeEventBus(bus, { meterProvider, name: "orders", agentMetrics: true });
${fence}`,
    "What Prometheus then reads:",
    `<!-- continues -->

${fence}ts
bus.publish({ runId: "run-1", type: "order.placed" });
const { resourceMetrics } = await exporter.collect();
const lines = new PrometheusSerializer().serialize(resourceMetrics).split("\\n");
console.log(lines.filter((line) => line.startsWith("spanbus_event_published_total")).join("\\n"));

observation.close(); // from now on counters stay as they are, and what goes up and down is 0
await bus.shutdown();
await meterProvider.shutdown();
${fence}

${fence}text
spanbus_event_published_total{otel_component_type="spanbus.EventBus",otel_component_name="orders",…} 1
${fence}`,
    table(
      ["option", "default", "what"],
      [
        ["`meterProvider`", "the global one", "where the metrics go; a global one may be registered before or after"],
        [
          "`name`",
          "`spanbus.EventBus/0`, `/1` …",
          "tells this bus from others in the process, where it must be unique",
        ],
        ["`agentMetrics`", "`false`", "measures agents, models and tools too"],
      ],
    ),
    wrapped(
      "Observe a bus right after it is made. Its counters then most often reach Prometheus as 0 before anything happens, and the first event that is lost is an increase. What is counted before the first scrape is in no rate, neither of the dashboard nor of the recordings; the alerts ring for it.",
    ),
    wrapped(
      "The metrics go on when the bus is shut down, so that the last export has the last values. After `observation.close()` the series stay, because a cumulative reader repeats for ever what it once saw: counters keep their last value, levels and gauges are 0.",
    ),
    wrapped(
      "Observing a bus again under its name counts nothing twice. A name that another observed bus of the process has gets `/1` appended, and `diag` warns. A global provider may come late: the figures of the bus count from its start nevertheless, those of agents only from when the provider is there. One that is replaced later is not followed.",
    ),
  ];
}

function busMetrics(): string[] {
  return [
    "## The bus",
    metricsOf(tables.bus),
    "Every series has `otel.component.type`, which is `spanbus.EventBus`, and `otel.component.name`. The others:",
    attributesOf(Object.values(tables.bus.dimensions)),
  ];
}

function redisMetrics(): string[] {
  const { bus, relay, source } = tables;
  const known = new Set<string>(Object.values(bus.dimensions).map(({ attribute }) => attribute));
  const own = Object.values<Dimension>({ ...relay.dimensions, ...source.dimensions });
  return [
    "## Relay and source",
    wrapped(
      "`observe` does for a `RedisRelay` or a `RedisEventSource` of `spanbus/redis` what `observeEventBus` does for a bus, with the options `meterProvider` and `name`. Name them like the bus: then one choice in the dashboard shows all three. Agents are measured at the bus where they work, and nowhere twice.",
    ),
    `${fence}ts
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { observe, observeEventBus } from "spanbus/metrics";
import { RedisEventSource, RedisRelay } from "spanbus/redis";

const options = { meterProvider: new MeterProvider(), name: "orders" };
const client = createClient(); // connected before anything is published or read

const bus = new EventBus();
const relay = new RedisRelay(bus, { client }); // where the agents work
observeEventBus(bus, { ...options, agentMetrics: true });
observe(relay, options);

const source = new RedisEventSource({ client }); // where they are watched
observe(source, options);
${fence}`,
    `A relay has \`otel.component.type\` \`${relay.component}\`:`,
    metricsOf(relay),
    `A source has \`${source.component}\`:`,
    metricsOf(source),
    "Their attributes, besides those of the bus:",
    attributesOf(own.filter(({ attribute }) => !known.has(attribute))),
  ];
}

function metricsOf(of: FigureTable): string {
  const rows = new Map(Object.values(of.figures).map((row) => [row.metric, row]));
  return table(
    ["metric", "in Prometheus", "instrument", "unit", "attributes", "what"],
    [...rows].map(([metric, { instrument, unit, says }]) => [
      `\`${metric}\``,
      inPrometheus(metric as Metric),
      instruments[instrument],
      `\`${unit}\``,
      splitsOf(of, metric)
        .map((attribute) => `\`${attribute}\``)
        .join(", "),
      of.sharedMetrics?.[metric] ?? says,
    ]),
  );
}

function attributesOf(dimensions: readonly Dimension[]): string {
  return table(
    ["attribute", "in Prometheus", "value", "what"],
    dimensions.flatMap(({ attribute, values }) =>
      Object.entries(values).map(([value, says], index) => [
        index === 0 ? `\`${attribute}\`` : "",
        index === 0 ? `\`${label(attribute as Attribute)}\`` : "",
        `\`${value}\``,
        says,
      ]),
    ),
  );
}

function agentMetrics(): string[] {
  const rows = Object.entries<AgentFigureRow>(agentFigures);
  return [
    "## Agents, models and tools",
    wrapped(
      "With `agentMetrics: true`, by the GenAI semantic conventions, which are in development: names may change with them. Leave it off where an instrumentation emits the same metrics. Of spans nested for one and the same call the deepest is measured. Of the events that one callback of `tap` publishes while it runs, those after the first 1,024 are not measured.",
    ),
    table(
      ["metric", "in Prometheus", "instrument", "unit", "attributes", "what"],
      rows.map(([metric, { instrument, unit, attributes, says }]) => [
        `\`${metric}\``,
        inPrometheus(metric as Metric),
        instruments[instrument],
        `\`${unit}\``,
        attributes.map((name) => `\`${name}\``).join(", "),
        says,
      ]),
    ),
    wrapped(
      "They have `otel.component.type` and `otel.component.name` too. An attribute that is not known is left out. In Prometheus a histogram is three names, with `_bucket`, `_count` and `_sum` behind.",
    ),
    table(
      ["attribute", "values"],
      Object.entries(valuesOf).map(([name, values]) => [`\`${name}\``, values]),
    ),
    wrapped(
      "Known gaps against the conventions: `gen_ai.operation.name` is `chat` for every call of a model, also for `generate_content` and `text_completion`. `create_agent` counts as an invocation. `gen_ai.provider.name` is missing where the instrumentation does not tell it.",
    ),
    "Upper bounds of the buckets:",
    table(
      ["metric", "bounds"],
      rows.flatMap(([metric, { boundaries }]) => (boundaries ? [[`\`${metric}\``, boundaries.join(", ")]] : [])),
    ),
  ];
}

const operations = [...new Set(Object.values(measured).map(({ name }) => `\`${name}\``))].join(", ");

const valuesOf: Readonly<Record<AgentAttribute, string>> = {
  "gen_ai.operation.name": operations,
  "gen_ai.provider.name": "the provider, as the instrumentation names it",
  "gen_ai.request.model": "the model that was asked for",
  "gen_ai.response.model": "the model that answered",
  "gen_ai.token.type": "`input`, `output`",
  "gen_ai.agent.name": "the agent; of a tool, the agent that called it",
  "gen_ai.tool.name": "the tool",
  "gen_ai.tool.type": "its type, as the instrumentation names it",
  "error.type":
    "only on what did not succeed: the type of the error, `_OTHER` if there is none. `AbortError` was cancelled: dashboard and rules count it among the calls, but not as a failure",
};

function cardinality(): string[] {
  const [ofBus, ofRelay, ofSource] = [tables.bus, tables.relay, tables.source].map((each) => seriesOf(each).length);
  return [
    "## How many series",
    wrapped(
      `A bus has ${ofBus} series, a relay ${ofRelay} and a source ${ofSource}, always, however many runs, readers and users there are: no series carries the id of a run, a span, a conversation or a user. Agent metrics grow with the names of your models, tools and agents. They are bounded: names are cut at 128 characters, with control characters replaced; of each attribute the first 100 names are kept, and of each metric the first 500 combinations of names. What comes later has \`_other\` for its names. A histogram has one series for each bound of its buckets, and three more, for each combination of its attributes.`,
    ),
  ];
}

function prometheus(): string[] {
  return [
    "## Prometheus and Grafana",
    wrapped(
      "The package has a dashboard and rules in its folder `dashboards/`, in `node_modules/spanbus/` if you installed it. They know both ways to Prometheus: scraped from the exporter of OpenTelemetry JS, and over OTLP, where Prometheus or a collector appends the unit to names in seconds, bytes and parts of 1. Where a collector has `add_metric_suffixes` switched off, or Prometheus keeps UTF-8 names, metrics have the names of the first columns above, from that collector with `_` for each `.`: put those into your copies of both files.",
    ),
    "**Scrape** the port of the exporter, in `prometheus.yml`:",
    `${fence}
rule_files:
  - prometheus-rules.yaml

scrape_configs:
  - job_name: agents
    static_configs:
      - targets: ["127.0.0.1:9464"]
${fence}`,
    wrapped(
      "**Over OTLP** `job` and `instance` come from the resource. Set `service.name` and `service.instance.id`, as `examples/05-otlp-metrics.ts` does: without the latter two replicas write into one and the same series, and its counters jump between theirs. Export at least once a minute, because the rules look back five, and keep the temporality cumulative, as it is by default. Let a process reach one Prometheus by one way only: scraped and over OTLP under the same `job` and `instance`, it is counted twice.",
    ),
    `**Rules**: copy [prometheus-rules.yaml](../dashboards/prometheus-rules.yaml) beside \`prometheus.yml\`. It needs Prometheus 2.42 or
later. [prometheus-rules.test.yaml](../dashboards/prometheus-rules.test.yaml) has its unit tests, to extend when you change
a limit: \`promtool test rules prometheus-rules.test.yaml\`. Besides the alerts below it records:`,
    table(
      ["recorded", "what"],
      recordings.map(({ record, says }) => [`\`${record}\``, says]),
    ),
    wrapped(
      'No alert says that a bus stopped reporting: its figures can\'t tell a process that died from one that was stopped, or replaced by the next deployment. What must always be there, you know: `up == 0` rings for a target that is scraped, and `absent(spanbus_event_published_total{job="agents"})` for a whole job, also over OTLP.',
    ),
    `**Dashboard**: in Grafana 11 or 12, *Dashboards → New → Import*, and upload
[grafana-spanbus.json](../dashboards/grafana-spanbus.json). Choose data source, instances and components (buses, relays, sources) at the top. Set the
*scrape interval* of the data source to yours: windows of rates follow it. Single numbers say what is now, or of the last
hour where they are called so; – is no data.`,
    `${fence}sh
npm run metrics
${fence}`,
    "runs agents in a clone of the repository, serves their `/metrics` on port 9464, and shows the scrape configuration.",
  ];
}

function runbook(): string[] {
  return [
    "## Runbook",
    wrapped(
      "One alert stands for one bus, relay or source of one process; its labels `otel_component_name` and `instance` say which. `runbook_url` is the path of this page in the package with the anchor of a section below; put the address of your copy before it. Names in *italics* are panels of the dashboard.",
    ),
    wrapped(
      "Alerts that fire at once have two parts. An increase does not see what a counter has when it is read for the first time. So the second part counts from what the counter was ten minutes ago, and from 0 if it is new, or has begun anew since: what a process lost before the first scrape rings, for ten minutes. Only a process that started again, and had the very same number when it was read, looks like one that went on.",
    ),
    ...alerts.flatMap((alert) => [
      `### ${alert.name}`,
      `Severity \`${alert.severity}\`. ${when(alert)}`,
      `${fence}\n${alert.expr}\n${fence}`,
      wrapped(alert.runbook.means),
      "Look at:",
      list(alert.runbook.look),
      "Do:",
      list(alert.runbook.act),
    ]),
  ];
}

function when({ for: held, keepFiringFor }: Alert): string {
  const until = keepFiringFor ? `, and ends when it did not for \`${keepFiringFor}\`` : "";
  return held ? `Fires when this holds for \`${held}\`${until}:` : `Fires as soon as this holds${until}:`;
}

const instruments: Readonly<Record<FigureRow["instrument"] | AgentFigureRow["instrument"], string>> = {
  counter: "counter",
  upDownCounter: "up-down counter",
  gauge: "gauge",
  histogram: "histogram",
};

function inPrometheus(metric: Metric): string {
  const row = metricRows.get(metric);
  if (!row) throw new RangeError(`no table has the metric ${metric}`);
  const names = [...new Set([prometheusName(row), prometheusNameOverOtlp(row)])];
  return names.map((name) => `\`${name}\``).join(", over OTLP ");
}

/** Attributes along which a metric is split, by all figures that make it up. */
function splitsOf(of: FigureTable, metric: string): string[] {
  const series = seriesOf(of).filter(({ row }) => row.metric === metric);
  return [...new Set(series.flatMap(({ attributes }) => Object.keys(attributes)))];
}
