import { readFileSync } from "node:fs";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { observe, observeEventBus } from "spanbus/metrics";
import { RedisEventSource, RedisRelay } from "spanbus/redis";
import { describe, expect, it } from "vitest";
import { attributes, label, metricRows, prometheusName, select, tables } from "../../dashboards/metric-names.js";
import { agentFigures } from "../../src/metrics/agent-figures.js";

/** What Prometheus would read of a relay, a source, and a bus to which everything happened that agents can do. */
async function exposition(): Promise<string> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  const bus = new EventBus();
  observeEventBus(bus, { meterProvider, agentMetrics: true });
  // Of a Redis they need nothing here.
  const client = createClient();
  observe(new RedisRelay(new EventBus(), { client }), { meterProvider });
  observe(new RedisEventSource({ client }), { meterProvider });
  const told = {
    agentName: "guide",
    model: "m",
    responseModel: "m-1",
    provider: "p",
    toolName: "search",
    toolType: "function",
  };
  const error = { type: "TypeError", message: "no" };
  for (const [operation, spanId] of Object.entries({ invocation: "1", model: "2", tool: "3" })) {
    const event = { runId: "r", spanId, traceId: "t" };
    bus.publish({ ...event, type: `agent.${operation}.started`, data: told });
    const ended = { ...told, durationMillis: 5, error, timeToFirstChunkMillis: 1 };
    bus.publish({ ...event, type: `agent.${operation}.failed`, data: ended });
  }
  bus.publish({ runId: "r", type: "agent.tokens.used", data: { ...told, inputTokens: 1, outputTokens: 2 } });
  const { resourceMetrics } = await exporter.collect();
  await bus.shutdown();
  await meterProvider.shutdown();
  return new PrometheusSerializer().serialize(resourceMetrics);
}

describe("the names of metrics in Prometheus", () => {
  it("are there for every metric of the tables", () => {
    const all = Object.values(tables).flatMap(({ figures }) => Object.values(figures).map(({ metric }) => metric));
    expect([...metricRows.keys()].sort()).toEqual([...new Set([...all, ...Object.keys(agentFigures)])].sort());
  });

  it("are those that the exporter of OpenTelemetry gives", async () => {
    const text = await exposition();
    const names = [...text.matchAll(/^# TYPE (\w+)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== "target_info");
    expect(names.sort()).toEqual([...metricRows.values()].map(prometheusName).sort());
  });

  it("go with the labels that the exporter of OpenTelemetry gives", async () => {
    const samples = (await exposition()).split("\n").filter((line) => /^(spanbus|gen_ai)_/.test(line));
    const labels = new Set(samples.flatMap((line) => [...line.matchAll(/(\w+)="/g)].map(([, name]) => name)));
    for (const name of ["le", "otel_scope_name", "otel_scope_version"]) labels.delete(name);
    expect([...labels].sort()).toEqual(attributes.map(label).sort());
  });

  it("stand for as many series of a bus, a relay and a source as the docs say", async () => {
    const page = readFileSync(new URL("../../docs/METRICS.md", import.meta.url), "utf8");
    const text = await exposition();
    const count = (series: RegExp) => text.match(series)?.length;
    const [bus, relay, source] = [/^spanbus_(?!agent_|relay_|source_)/gm, /^spanbus_relay_/gm, /^spanbus_source_/gm];
    const counts = `A bus has ${count(bus)} series, a relay ${count(relay)} and a source ${count(source)}`;
    expect(page.replaceAll("\n", " ")).toContain(counts);
  });
});

describe("a selection", () => {
  it("is the name, where it is the same by all ways", () => {
    expect(select("spanbus.event.dropped")).toBe("spanbus_event_dropped_total");
    expect(select("spanbus.queue.size", { where: ['job="a"'] })).toBe('spanbus_queue_size{job="a"}');
  });

  it("takes both names, where OTLP appends the unit", () => {
    expect(select("spanbus.queue.utilization")).toBe('{__name__=~"spanbus_queue_utilization(_ratio)?"}');
    expect(select("spanbus.history.size")).toBe('{__name__=~"spanbus_history_size(_bytes)?"}');
    expect(select("gen_ai.execute_tool.duration", { part: "_bucket", where: ['job="a"'] })).toBe(
      '{__name__=~"gen_ai_execute_tool_duration(_seconds)?_bucket",job="a"}',
    );
  });

  it("of a metric that is in no table does not compile, and throws", () => {
    // @ts-expect-error
    expect(() => select("spanbus.event.droped")).toThrow("no table has the metric spanbus.event.droped");
  });
});
