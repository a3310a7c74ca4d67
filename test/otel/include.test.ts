import { describe, expect, it, vi } from "vitest";
import { fail, pass, Service, spanIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

describe('include "agent"', () => {
  it("makes no events of spans that no convention knows", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.plain("POST", { under: agent }).end();
    agent.end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
  });
});

describe('include "all"', () => {
  it("makes span.* events of the rest, in one tree with the agents", () => {
    const service = new Service({ include: "all" });
    const server = service.plain("GET /", { startTime: Date.now() });
    const agent = service.agent("a", { under: server });
    const http = service.plain("POST", { under: agent });
    http.end();
    agent.end();
    server.end(Date.now() + 20);
    expect(service.history(server)).toMatchObject([
      { type: "span.started", spanId: spanIdOf(server), data: { name: "GET /" } },
      { type: "agent.invocation.started", parentSpanId: spanIdOf(server) },
      { type: "span.started", parentSpanId: spanIdOf(agent), data: { name: "POST" } },
      { type: "span.completed", spanId: spanIdOf(http) },
      { type: "agent.invocation.completed" },
      { type: "agent.terminate" },
      { type: "span.completed", data: { name: "GET /", durationMillis: 20 } },
    ]);
    expect(service.fate(server)).toBe("completed");
  });

  it("tells failures as span.failed with an error", () => {
    const service = new Service({ include: "all" });
    const span = service.plain("GET /");
    fail(span, "no route");
    expect(service.event(span, "span.failed").data).toMatchObject({
      name: "GET /",
      error: { type: "error", message: "no route" },
    });
    expect(service.fate(span)).toBe("unknown");
  });

  it("gives up open ones at a close like all others", () => {
    const service = new Service({ include: "all" });
    const span = service.plain("GET /");
    service.bus.closeStream(span.spanContext().traceId);
    expect(service.event(span, "span.failed").data).toMatchObject({ name: "GET /", error: { type: "abandoned" } });
  });
});

describe.each([
  ["as all", "all"],
  ["as a function", () => true],
] as const)("include %s", (_, include) => {
  const late = { "gen_ai.request.model": "gpt", "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2 };

  it("tells a span once more, as what it is, where that shows only at its end", async () => {
    const service = new Service({ include });
    const root = service.plain("RunnableSequence");
    const call = service.plain("ChatOpenAI", { under: root });
    await pass();
    call.setAttributes({ "langsmith.span.kind": "llm", ...late });
    fail(call);
    root.setAttributes({ "langsmith.span.kind": "chain" });
    root.end();
    const [ofRoot, ofCall] = [{ spanId: spanIdOf(root) }, { spanId: spanIdOf(call), parentSpanId: spanIdOf(root) }];
    const error = { type: "error", message: "broken" };
    expect(service.history(root)).toMatchObject([
      { type: "span.started", ...ofRoot, data: { name: "RunnableSequence" } },
      { type: "span.started", ...ofCall, data: { name: "ChatOpenAI" } },
      { type: "span.failed", ...ofCall, data: { name: "ChatOpenAI", error } },
      { type: "agent.model.started", ...ofCall, data: { model: "gpt" } },
      { type: "agent.model.failed", ...ofCall, data: { model: "gpt", error } },
      { type: "agent.tokens.used", ...ofCall, data: { inputTokens: 3, outputTokens: 2 } },
      { type: "span.completed", ...ofRoot, data: { name: "RunnableSequence" } },
      { type: "agent.workflow.started", ...ofRoot },
      { type: "agent.workflow.completed", ...ofRoot },
      { type: "agent.terminate", ...ofRoot, data: { modelCalls: 1, inputTokens: 3, outputTokens: 2 } },
    ]);
    const [started, , , again] = service.history(root).filter((event) => event.spanId === spanIdOf(call));
    expect(again?.time).toBeGreaterThanOrEqual(started?.time ?? Number.NaN);
    expect(service.info(root)).toMatchObject({ outcome: "completed", modelCalls: 1, openSpans: 0 });
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, refused: 0, abandonedSpans: 0 });
  });

  it("takes in spans that a convention knows as nothing of their own, in the tree", () => {
    const service = new Service({ include });
    const server = service.plain("GET /");
    const span = service.plain("my span", { under: server, attributes: { "langfuse.observation.type": "span" } });
    const query = service.plain("db", { under: span });
    for (const each of [query, span, server]) each.end();
    expect(service.history(server)).toMatchObject([
      { type: "span.started", data: { name: "GET /" } },
      { type: "span.started", parentSpanId: spanIdOf(server), data: { name: "my span" } },
      { type: "span.started", parentSpanId: spanIdOf(span), data: { name: "db" } },
      { type: "span.completed", data: { name: "db" } },
      { type: "span.completed", data: { name: "my span" } },
      { type: "span.completed", data: { name: "GET /" } },
    ]);
  });

  it("tells a handoff that shows only at the end of its span", async () => {
    const service = new Service({ include });
    const agent = service.agent("a");
    const span = service.plain("handoff to Bob", { under: agent });
    await pass();
    span.setAttributes({ "openinference.span.kind": "TOOL", "output.value": '{"to_agent":"Bob"}' });
    span.end();
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "span.started",
      "span.completed",
      "agent.handoff",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, refused: 0 });
  });

  it.each(["span.completed", "agent.model.started", "agent.model.completed"])(
    "leaves nothing open where the run is closed by who hears of %s",
    async (type) => {
      const service = new Service({ include });
      service.bus.tap((event) => {
        if (event.type === type) service.bus.closeStream(event.runId);
      });
      const call = service.plain("ChatOpenAI");
      await pass();
      call.setAttributes({ "langsmith.span.kind": "llm", ...late });
      call.end();
      const types = service.types(call);
      const began = types.filter((each) => each.endsWith(".started"));
      expect(types.filter((each) => /completed|failed/.test(each))).toHaveLength(began.length);
      expect(service.fate(call)).not.toBe("open");
      expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
    },
  );
});

describe("include as a function", () => {
  it("picks spans by themselves, and agents are there in any case", () => {
    const service = new Service({ include: ({ name }) => name.startsWith("db ") });
    const agent = service.agent("a");
    service.plain("db select", { under: agent }).end();
    service.plain("POST", { under: agent }).end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "span.started", "span.completed"]);
  });

  it("is not asked about spans of agents", () => {
    const include = vi.fn(() => false);
    const service = new Service({ include });
    service.agent("a").end();
    expect(include).not.toHaveBeenCalled();
  });

  it("that throws hides the span, is counted, and harms nobody", () => {
    const service = new Service({
      include: () => {
        throw new Error("cannot say");
      },
    });
    const agent = service.agent("a");
    expect(() => service.plain("POST", { under: agent }).end()).not.toThrow();
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
    expect(service.bus.stats().errors).toBe(1);
  });

  it("that is async hides the span too: a promise is no answer", () => {
    const service = new Service({ include: (async () => true) as never });
    const agent = service.agent("a");
    service.plain("POST", { under: agent }).end();
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
    expect(service.bus.stats().errors).toBe(1);
  });

  it("is asked once of each span, also of one that is first seen at its end", () => {
    const include = vi.fn(() => true);
    const early = new Service();
    const late = new Service({ include });
    const span = early.plain("POST");
    span.end();
    late.bus.onEnd(span as never);
    expect(include).toHaveBeenCalledTimes(1);
  });
});
