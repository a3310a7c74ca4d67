import { context, diag, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, runContext } from "spanbus";
import { type AgentsSpanLike, BusTracingProcessor } from "spanbus/openai-agents";
import { afterEach, describe, expect, it } from "vitest";
import { withContextManager, within } from "../otel/support.js";

withContextManager();
afterEach(() => diag.disable());

const aTrace = {
  traceId: "trace_0123456789abcdef0123456789abcdef",
  name: "Flow",
  groupId: "chat-1",
  metadata: { team: "ops" },
};
let count = 0;

function span(
  spanData: { type: string; [field: string]: unknown },
  more: Partial<AgentsSpanLike> = {},
): AgentsSpanLike {
  count += 1;
  return {
    traceId: aTrace.traceId,
    spanId: `span_${String(count).padStart(16, "0")}89abcdef`,
    parentId: null,
    startedAt: new Date(1_700_000_000_000 + count).toISOString(),
    endedAt: null,
    spanData,
    error: null,
    ...more,
  };
}

function ended(begun: AgentsSpanLike, more: Partial<AgentsSpanLike> = {}): AgentsSpanLike {
  return Object.assign(begun, { endedAt: new Date(1_700_000_001_000 + count).toISOString(), ...more });
}

/** Tells a processor of a run with one agent. */
async function oneRun(processor: BusTracingProcessor): Promise<void> {
  const task = span({ type: "task", name: "Agent workflow" });
  const agent = span({ type: "agent", name: "Ann" }, { parentId: task.spanId });
  await processor.onTraceStart(aTrace);
  for (const each of [task, agent]) await processor.onSpanStart(each);
  for (const each of [agent, task]) await processor.onSpanEnd(ended(each));
  await processor.onTraceEnd(aTrace);
}

describe("a run of the OpenAI Agents SDK", () => {
  it("has the ids that its dashboard shows, and its times", async () => {
    const bus = new EventBus();
    await oneRun(new BusTracingProcessor(bus));
    const [runId = ""] = bus.runs().map((run) => run.runId);
    expect(runId).toBe("0123456789abcdef0123456789abcdef");
    const [workflow, agent] = bus.history(runId);
    expect(workflow?.traceId).toBe(runId);
    expect(workflow?.spanId).toMatch(/^0{14}\d\d$/);
    expect(agent?.parentSpanId).toBe(workflow?.spanId);
    expect([workflow?.time, agent?.time].map((time) => Math.trunc((time ?? 0) / 1000))).toEqual([
      1_700_000_000, 1_700_000_000,
    ]);
    expect(bus.runs()).toMatchObject([{ conversationId: "chat-1", outcome: "completed" }]);
  });

  it("belongs to the run that is bound around it", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    await runContext("mine", () => oneRun(processor));
    expect(bus.runs()).toMatchObject([{ runId: "mine", state: "open" }]);
    bus.closeStream("mine");
  });

  it("belongs to the trace of the active span, below the agent that span is", async () => {
    const bus = new EventBus();
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");
    const outer = tracer.startSpan("invoke_agent outer", { attributes: { "gen_ai.operation.name": "invoke_agent" } });
    await within(outer, () => oneRun(new BusTracingProcessor(bus)));
    outer.end();
    const { traceId, spanId } = outer.spanContext();
    const workflow = bus.history(traceId).find(({ type }) => type === "agent.workflow.started");
    expect(workflow).toMatchObject({ runId: traceId, traceId, parentSpanId: spanId });
    expect(bus.runs()).toHaveLength(1);
  });

  it("is over when it failed, though the SDK never says so of its trace", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    await processor.onTraceStart(aTrace);
    const task = span({ type: "task", name: "Agent workflow" });
    await processor.onSpanStart(task);
    const error = { message: "Error in agent run", data: { error: "RateLimitError: slow down\nplease" } };
    await processor.onSpanEnd(ended(task, { error }));
    expect(bus.runs()).toMatchObject([{ state: "closed", outcome: "failed" }]);
    const [terminate] = bus.history(bus.runs()[0]?.runId ?? "").slice(-1);
    expect(terminate?.data).toMatchObject({ error: { type: "RateLimitError", message: "slow down" } });
  });

  it("that goes on after an approval is another, and over with its last span", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    await oneRun(processor);
    const task = span({ type: "task", name: "Agent workflow" });
    await processor.onSpanStart(task);
    await processor.onSpanEnd(ended(task));
    expect(bus.runs()).toMatchObject([{ state: "closed", outcome: "completed", events: 3 }]);
  });

  it("is cancelled when it ends without the answer of a model that was asked", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    const task = span({ type: "task", name: "Agent workflow" });
    const agent = span({ type: "agent", name: "Ann" }, { parentId: task.spanId });
    const turn = span({ type: "turn", turn: 1, agent_name: "Ann" }, { parentId: agent.spanId });
    const response = span({ type: "response", _input: "hi" }, { parentId: turn.spanId });
    await processor.onTraceStart(aTrace);
    for (const each of [task, agent, turn, response]) await processor.onSpanStart(each);
    for (const each of [response, turn, agent, task]) await processor.onSpanEnd(ended(each));
    await processor.onTraceEnd(aTrace);
    expect(bus.runs()).toMatchObject([{ outcome: "cancelled" }]);
  });

  it("inside a tool has its tokens told once, also of models that tell none themselves", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    const outer = span({ type: "task", name: "Agent workflow" });
    const outerTurn = span({ type: "turn", turn: 1, agent_name: "Ann" }, { parentId: outer.spanId });
    const tool = span({ type: "function", name: "ask" }, { parentId: outerTurn.spanId });
    const inner = span({ type: "task", name: "Agent workflow" }, { parentId: tool.spanId });
    const innerTurn = span({ type: "turn", turn: 1, agent_name: "Bob" }, { parentId: inner.spanId });
    await processor.onTraceStart(aTrace);
    for (const each of [outer, outerTurn, tool, inner, innerTurn]) await processor.onSpanStart(each);
    const used = (begun: AgentsSpanLike, tokens: number) =>
      Object.assign(begun.spanData, { usage: { input_tokens: tokens, output_tokens: 1 } });
    used(innerTurn, 10);
    used(inner, 10);
    used(outerTurn, 30);
    for (const each of [innerTurn, inner, tool, outerTurn, outer]) await processor.onSpanEnd(ended(each));
    await processor.onTraceEnd(aTrace);
    expect(bus.runs()).toMatchObject([{ inputTokens: 30 }]);
  });
});

describe("a BusTracingProcessor", () => {
  it("beside OpenInference tells alone, until it is shut down", async () => {
    const bus = new EventBus();
    const scope = "@arizeai/openinference-instrumentation-openai-agents";
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer(scope);
    const attributes = { "openinference.span.kind": "AGENT" };
    const processor = new BusTracingProcessor(bus);
    tracer.startSpan("Ann", { attributes }).end();
    expect(bus.runs()).toEqual([]);
    const late = tracer.startSpan("Ann", { attributes });
    await processor.shutdown();
    late.end();
    expect(bus.runs()).toEqual([]);
    tracer.startSpan("Ann", { attributes }).end();
    expect(bus.runs()).toHaveLength(1);
  });

  it("is silent where the bus has one already, and says so", async () => {
    const told: string[] = [];
    const ignore = () => {};
    const warn = (message: string) => void told.push(message);
    diag.setLogger(
      { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore },
      { suppressOverrideMessage: true },
    );
    const bus = new EventBus();
    const first = new BusTracingProcessor(bus);
    const second = new BusTracingProcessor(bus);
    expect(told).toEqual([expect.stringContaining("this bus has spanbus/openai-agents already")]);
    await oneRun(second);
    expect(bus.runs()).toEqual([]);
    await oneRun(first);
    expect(bus.runs()).toHaveLength(1);
  });

  it("never throws at what it does not understand", async () => {
    diag.disable();
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    const throwing = {
      get type(): string {
        throw new Error("from a getter");
      },
    };
    await processor.onTraceStart(aTrace);
    await processor.onSpanStart(span({ type: "task" }, { spanData: throwing }));
    await processor.onSpanStart(null as never);
    await processor.onSpanEnd(span({ type: "agent" }));
    await processor.onTraceEnd({} as never);
    await processor.forceFlush();
    await oneRun(processor);
    expect(bus.runs().filter(({ outcome }) => outcome === "completed")).toHaveLength(1);
  });

  it("wants a bus", () => {
    expect(() => new BusTracingProcessor({} as never)).toThrow("`bus` must be an EventBus, got [object Object]");
  });

  it("leaves the bus as it is when it is shut down", async () => {
    const bus = new EventBus();
    const processor = new BusTracingProcessor(bus);
    await processor.shutdown();
    await oneRun(processor);
    expect(bus.runs()).toEqual([]);
    processor.start();
    await oneRun(processor);
    expect(bus.publish({ runId: "r", type: "note" })).toBeDefined();
    expect(bus.runs()).toHaveLength(2);
    expect(trace.getSpan(context.active())).toBeUndefined();
  });
});
