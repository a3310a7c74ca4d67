import type { Attributes, Span } from "@opentelemetry/api";
import type { Histogram } from "@opentelemetry/sdk-metrics";
import { EventBus, type EventInput } from "spanbus";
import { observeEventBus } from "spanbus/metrics";
import { describe, expect, it } from "vitest";
import { agentFigures } from "../../src/metrics/agent-figures.js";
import { restoreAfterEach } from "../bus/support.js";
import { fail, Service } from "../otel/support.js";
import { type Collector, metering } from "./support.js";

restoreAfterEach();

/** A service whose agents are measured. */
function measured(): { service: Service; look: () => Promise<Collector> } {
  const { provider, collector } = metering();
  const service = new Service();
  observeEventBus(service.bus, { meterProvider: provider, name: "bus", agentMetrics: true });
  const look = async () => {
    await service.bus.forceFlush();
    return collector.look();
  };
  return { service, look };
}

/** Attributes of each series of a metric, without those that every series has, and how much was recorded. */
function recorded(collector: Collector, metric: string): { attributes: Attributes; count: number; sum: number }[] {
  return collector.points<Histogram>(metric).map(({ attributes, value }) => {
    const { "otel.component.type": type, "otel.component.name": name, ...own } = attributes;
    expect([type, name]).toEqual(["spanbus.EventBus", "bus"]);
    return { attributes: own, count: value.count, sum: value.sum ?? 0 };
  });
}

const gpt: Attributes = { "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt" };

describe("agent metrics", () => {
  it("are off by default", async () => {
    const { provider, collector } = metering();
    const service = new Service();
    observeEventBus(service.bus, { meterProvider: provider });
    service.agent("planner").end();
    await service.bus.forceFlush();
    await collector.look();
    const names = collector.metrics.map(({ descriptor }) => descriptor.name);
    expect(names.filter((name) => name in agentFigures)).toEqual([]);
  });

  it("measure the first chunk of a stream by the event that tells it, where no attribute does", async () => {
    const { service, look } = measured();
    const start = 1_700_000_000_000;
    const model = service.model({ startTime: start, attributes: gpt });
    await service.bus.forceFlush();
    model.addEvent("ai.stream.firstChunk", { "ai.response.msToFirstChunk": 125 }, start + 125);
    model.end(start + 1000);
    const [measurement] = recorded(await look(), "gen_ai.client.operation.time_to_first_chunk");
    expect(measurement).toMatchObject({ count: 1, sum: 0.125 });
  });

  it("measure what agents, models and tools do, with names, units and buckets of the convention", async () => {
    const { service, look } = measured();
    const start = 1_700_000_000_000;
    const agent = service.agent("planner", { startTime: start, attributes: gpt });
    const model = service.model({ under: agent, startTime: start, attributes: gpt });
    await service.bus.forceFlush();
    model.setAttributes({
      "gen_ai.response.model": "gpt-4",
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 20,
      "gen_ai.response.time_to_first_chunk": 0.25,
    });
    model.end(start + 1500);
    const tool = service.tool("search", {
      under: agent,
      startTime: start,
      attributes: { "gen_ai.tool.type": "function" },
    });
    tool.end(start + 300);
    agent.end(start + 2000);

    const collector = await look();
    const called = { "gen_ai.operation.name": "chat", ...gpt };
    const answered = { ...called, "gen_ai.response.model": "gpt-4" };
    expect(recorded(collector, "gen_ai.client.token.usage")).toEqual([
      { attributes: { ...called, "gen_ai.token.type": "input" }, count: 1, sum: 100 },
      { attributes: { ...called, "gen_ai.token.type": "output" }, count: 1, sum: 20 },
    ]);
    expect(recorded(collector, "gen_ai.client.operation.duration")).toEqual([
      { attributes: answered, count: 1, sum: 1.5 },
    ]);
    expect(recorded(collector, "gen_ai.client.operation.time_to_first_chunk")).toEqual([
      { attributes: answered, count: 1, sum: 0.25 },
    ]);
    expect(recorded(collector, "gen_ai.execute_tool.duration")).toEqual([
      {
        attributes: { "gen_ai.tool.name": "search", "gen_ai.tool.type": "function", "gen_ai.agent.name": "planner" },
        count: 1,
        sum: 0.3,
      },
    ]);
    expect(recorded(collector, "gen_ai.invoke_agent.duration")).toEqual([
      { attributes: { "gen_ai.agent.name": "planner", "gen_ai.request.model": "gpt" }, count: 1, sum: 2 },
    ]);
    for (const [metric, row] of Object.entries(agentFigures)) {
      const { descriptor } = collector.metric(metric);
      expect(descriptor).toMatchObject({ unit: row.unit, description: row.says });
      if (!("boundaries" in row)) continue;
      const [point] = collector.points<Histogram>(metric);
      expect(point?.value.buckets.boundaries, metric).toEqual([...row.boundaries]);
    }
  });

  it("count the agents at work, each under its name, until they are over", async () => {
    const { service, look } = measured();
    const active = async () =>
      (await look())
        .points("spanbus.agent.run.active")
        .map(({ attributes, value }) => [attributes["gen_ai.agent.name"], value]);
    const outer = service.agent("planner", { root: true });
    const inner = service.agent("writer", { under: outer });
    const other = service.agent("planner", { root: true });
    expect(await active()).toEqual([
      ["planner", 2],
      ["writer", 1],
    ]);
    inner.end();
    fail(outer);
    expect(await active()).toEqual([
      ["planner", 1],
      ["writer", 0],
    ]);
    await service.bus.forceFlush();
    service.bus.closeStream(other.spanContext().traceId);
    expect(await active()).toEqual([
      ["planner", 0],
      ["writer", 0],
    ]);
  });

  it("count an agent whose end was withheld as over when its run closes", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus({ redact: (draft) => (draft.type === "agent.invocation.completed" ? undefined : draft) });
    observeEventBus(bus, { meterProvider: provider, agentMetrics: true });
    bus.publish({ runId: "run", type: "agent.invocation.started", spanId: "1", data: { agentName: "planner" } });
    bus.publish({ runId: "run", type: "agent.invocation.completed", spanId: "1", data: { durationMillis: 1 } });
    expect((await collector.look()).value("spanbus.agent.run.active")).toBe(1);
    bus.closeStream("run");
    expect((await collector.look()).value("spanbus.agent.run.active")).toBe(0);
  });

  it("say why something failed", async () => {
    const { service, look } = measured();
    const agent = service.agent("planner");
    const tool = service.tool("search", { under: agent });
    tool.recordException(new TypeError("no such city"));
    fail(tool);
    const model = service.model({ under: agent, attributes: { "error.type": "429" } });
    fail(model);
    agent.end();
    const collector = await look();
    const types = (metric: string) => recorded(collector, metric).map(({ attributes }) => attributes["error.type"]);
    expect(types("gen_ai.execute_tool.duration")).toEqual(["TypeError"]);
    expect(types("gen_ai.client.operation.duration")).toEqual(["429"]);
    expect(types("gen_ai.invoke_agent.duration")).toEqual([undefined]);
  });

  it("measure a call once that two instrumentations report, also with a step between", async () => {
    const { service, look } = measured();
    const agent = service.agent("planner");
    const outer = service.model({ under: agent });
    const step = service.plain("plan", { under: outer, attributes: { "gen_ai.operation.name": "plan" } });
    const inner = service.model({ under: step });
    inner.end();
    step.end();
    outer.end();
    const tool = service.tool("search", { under: agent });
    service.tool("search", { under: tool }).end();
    tool.end();
    agent.end();
    const collector = await look();
    expect(recorded(collector, "gen_ai.client.operation.duration").map(({ count }) => count)).toEqual([1]);
    expect(recorded(collector, "gen_ai.execute_tool.duration").map(({ count }) => count)).toEqual([1]);
  });

  it("measure a tool that is an agent, and the tools of that agent", async () => {
    const { service, look } = measured();
    const tool = service.tool("ask_writer");
    const agent = service.agent("writer", { under: tool });
    service.tool("search", { under: agent }).end();
    agent.end();
    tool.end();
    const tools = recorded(await look(), "gen_ai.execute_tool.duration");
    expect(tools.map(({ attributes }) => attributes["gen_ai.tool.name"])).toEqual(["search", "ask_writer"]);
  });

  it("measure a tool that calls another tool, and say that it failed", async () => {
    const { service, look } = measured();
    const outer = service.tool("plan_trip");
    service.tool("search", { under: outer }).end();
    outer.recordException(new TypeError("no plan"));
    fail(outer);
    const tools = recorded(await look(), "gen_ai.execute_tool.duration");
    expect(tools.map(({ attributes }) => [attributes["gen_ai.tool.name"], attributes["error.type"]])).toEqual([
      ["search", undefined],
      ["plan_trip", "TypeError"],
    ]);
    expect(service.info(outer)).toMatchObject({ toolCalls: 2, failedToolCalls: 1 });
  });

  it("measure a call once below steps in steps", async () => {
    const { service, look } = measured();
    const plan = (under: Span) => service.plain("plan", { under, attributes: { "gen_ai.operation.name": "plan" } });
    const outer = service.model();
    const [first, second] = [plan(outer), plan(outer)];
    const inner = plan(second);
    const model = service.model({ under: inner });
    for (const span of [model, inner, first, second, outer]) span.end();
    expect(recorded(await look(), "gen_ai.client.operation.duration").map(({ count }) => count)).toEqual([1]);
  });

  it("count nothing twice when a bus is observed twice", async () => {
    const { provider, collector } = metering();
    const service = new Service();
    observeEventBus(service.bus, { meterProvider: provider, name: "bus", agentMetrics: true });
    observeEventBus(service.bus, { meterProvider: provider, name: "bus", agentMetrics: true }).close();
    const agent = service.agent("planner");
    service.tool("search", { under: agent }).end();
    await service.bus.forceFlush();
    await collector.look();
    expect(collector.value("spanbus.agent.run.active")).toBe(1);
    expect(recorded(collector, "gen_ai.execute_tool.duration").map(({ count }) => count)).toEqual([1]);
  });

  it("keep combinations few, also over many collections", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: provider, name: "bus", agentMetrics: true });
    for (let n = 0; n < 5000; n += 1) {
      const data = {
        toolName: `tool-${n % 90}`,
        agentName: `agent-${Math.floor(n / 90) % 80}`,
        durationMillis: 1,
        error: { type: `E${n % 7}`, message: "" },
      };
      bus.publish({ runId: "run", type: "agent.tool.failed", data });
      if (n % 1000 === 0) await collector.look();
    }
    const tools = recorded(await collector.look(), "gen_ai.execute_tool.duration");
    expect(tools).toHaveLength(501);
    expect(tools.reduce((total, { count }) => total + count, 0)).toBe(5000);
    expect(tools.at(-1)?.attributes).toEqual({
      "gen_ai.tool.name": "_other",
      "gen_ai.agent.name": "_other",
      "error.type": "_other",
    });
  });

  it("name the tokens of embeddings as theirs", async () => {
    const { service, look } = measured();
    const attributes = { "gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 9 };
    service.plain("embeddings ada", { attributes }).end();
    const [usage] = recorded(await look(), "gen_ai.client.token.usage");
    expect(usage).toMatchObject({ attributes: { "gen_ai.operation.name": "embeddings" }, sum: 9 });
  });

  it("keep the names few: 100 of each kind, then `_other`", async () => {
    const { service, look } = measured();
    for (let n = 0; n < 150; n += 1) {
      service.tool(`tool-${n}`, { root: true }).end();
      await service.bus.forceFlush();
    }
    service.tool("tool-7", { root: true }).end();
    service.tool("x".repeat(5000), { root: true }).end();
    const tools = recorded(await look(), "gen_ai.execute_tool.duration");
    expect(tools).toHaveLength(101);
    const other = tools.find(({ attributes }) => attributes["gen_ai.tool.name"] === "_other");
    expect(other?.count).toBe(51);
    expect(tools[7]).toMatchObject({ attributes: { "gen_ai.tool.name": "tool-7" }, count: 2 });
  });

  it("cut long names, never through a character, and let no control character through", async () => {
    const { service, look } = measured();
    service.tool("x".repeat(5000)).end();
    const [tool] = recorded(await look(), "gen_ai.execute_tool.duration");
    expect(tool?.attributes["gen_ai.tool.name"]).toBe("x".repeat(128));
    service.tool(`a\u0000b\u001b[31m${"y".repeat(119)}😀`).end();
    const [, next] = recorded(await look(), "gen_ai.execute_tool.duration");
    expect(next?.attributes["gen_ai.tool.name"]).toBe(`a\uFFFDb\uFFFD[31m${"y".repeat(119)}`);
  });

  it.each<[string, EventInput[]]>([
    ["a duration that is no number", [{ runId: "r", type: "agent.tool.completed", data: { durationMillis: "7" } }]],
    ["a negative duration", [{ runId: "r", type: "agent.tool.completed", data: { durationMillis: -1 } }]],
    ["no data", [{ runId: "r", type: "agent.tool.failed" }]],
    ["tokens that are none", [{ runId: "r", type: "agent.tokens.used", data: { inputTokens: Number.NaN } }]],
    [
      "parents in a circle",
      [
        { runId: "r", type: "agent.step.started", spanId: "1", parentSpanId: "2" },
        { runId: "r", type: "agent.step.started", spanId: "2", parentSpanId: "1" },
        { runId: "r", type: "agent.model.started", spanId: "3", parentSpanId: "1" },
      ],
    ],
    ["an operation nobody knows", [{ runId: "r", type: "agent.toString.completed", data: { durationMillis: 1 } }]],
  ])("take no harm from published events with %s", async (_, inputs) => {
    const { service, look } = measured();
    for (const input of inputs) service.bus.publish(input);
    const collector = await look();
    expect(service.bus.stats().errors).toBe(0);
    const names = collector.metrics.map(({ descriptor }) => descriptor.name);
    expect(names.filter((name) => name.startsWith("gen_ai."))).toEqual([]);
  });

  it("stop when the observation is closed, and leave no agent at work behind", async () => {
    const { provider, collector } = metering();
    const service = new Service();
    const observation = observeEventBus(service.bus, { meterProvider: provider, agentMetrics: true });
    const agent = service.agent("planner");
    await service.bus.forceFlush();
    observation.close();
    agent.end();
    await service.bus.forceFlush();
    await collector.look();
    expect(collector.value("spanbus.agent.run.active")).toBe(0);
    expect(collector.metrics.map(({ descriptor }) => descriptor.name)).not.toContain("gen_ai.invoke_agent.duration");
  });
});
