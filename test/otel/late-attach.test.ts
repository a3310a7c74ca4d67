import type { Span } from "@opentelemetry/api";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { pass, Running, Service, spanIdOf, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

/** The tokens of a call, or what an agent sums up. */
const used = { "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1 };

const readable = (span: Span) => span as Span & Parameters<EventBus["onEnd"]>[0];

describe("a bus attached while spans are open", () => {
  it("makes both events of a span that it sees first at its end", () => {
    const service = new Running();
    const agent = service.agent("a", { startTime: Date.now() });
    service.attach();
    agent.end(Date.now() + 700);
    expect(service.history(agent)).toMatchObject([
      { type: "agent.invocation.started", time: Date.now(), data: { agentName: "a" } },
      { type: "agent.invocation.completed", data: { durationMillis: 700 } },
      { type: "agent.terminate", data: { reason: "completed" } },
    ]);
    expect(service.fate(agent)).toBe("completed");
    expect(service.bus.stats()).toMatchObject({ refused: 0, openSpans: 0, activeRuns: 0 });
  });

  it("counts a call that it tells to be in no other for itself, though another stood in for what is around it before", () => {
    const service = new Running();
    const server = service.plain("GET /");
    const hidden = service.plain("work", { under: server });
    service.attach();
    runContext("r", () => {
      service.model({ under: server });
      service.tool("t", { under: hidden });
    });
    runContext("s", () => service.agent("a", { under: server }));
    runContext("r", () => service.model({ under: hidden }));
    const parents = service.history("r").map(({ parentSpanId }) => parentSpanId);
    expect(parents).toEqual([undefined, expect.any(String), undefined]);
    expect(service.info("r")?.modelCalls).toBe(2);
  });

  it("keeps a run in one generation: what it sees of it ends before the agent does", async () => {
    const service = new Running({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.attach();
    model.end();
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.model.started",
      "agent.model.completed",
      "agent.tool.started",
      "agent.tool.completed",
      "agent.invocation.started",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    await pass(1000);
    expect(service.info(agent)?.state).toBe("closed");
  });

  it("counts once what the agent sums up at its end, and has its totals", () => {
    const service = new Running();
    const agent = service.agent("a");
    service.attach();
    service.model({ under: agent, attributes: used }).end();
    service.tool("t", { under: agent }).end();
    service.model({ under: agent }).end();
    agent.setAttributes(used).end();
    const totals = { modelCalls: 2, toolCalls: 1, inputTokens: 5, outputTokens: 1 };
    expect(service.event(agent, "agent.terminate").data).toMatchObject(totals);
    expect(service.info(agent)).toMatchObject(totals);
  });

  it("tells the sum of the agent once where no call below told its tokens before", () => {
    const service = new Running();
    const agent = service.agent("a");
    service.attach();
    const model = service.model({ under: agent });
    service.bus.stats();
    agent.setAttributes(used).end();
    model.setAttributes(used).end();
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ inputTokens: 5 });
    expect(service.info(agent)).toMatchObject({ inputTokens: 5, outputTokens: 1 });
  });

  it("does not put a span that it sees first at its end below what began inside it", () => {
    const service = new Running();
    const outer = service.agent("outer");
    const inner = service.agent("inner", { under: outer });
    service.attach();
    const model = service.model({ under: inner });
    service.bus.stats();
    inner.end();
    model.setAttributes(used).end();
    outer.end();
    const ofInner = service.history(inner).filter(({ spanId }) => spanId === spanIdOf(inner));
    expect(ofInner.map(({ parentSpanId }) => parentSpanId)).toEqual([undefined, undefined, undefined]);
    expect(service.info(inner)).toMatchObject({ modelCalls: 1, inputTokens: 5, openSpans: 0 });
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, errors: 0 });
  });

  it("counts in an agent that it never saw what is below spans that are no events", () => {
    const service = new Running();
    const agent = service.agent("a");
    const unseen = service.plain("step", { under: agent });
    service.attach();
    const seen = service.plain("POST", { under: unseen });
    service.model({ under: seen, attributes: used }).end();
    seen.end();
    unseen.end();
    agent.setAttributes(used).end();
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ modelCalls: 1, inputTokens: 5 });
    expect(service.info(agent)).toMatchObject({ modelCalls: 1, inputTokens: 5 });
  });

  it("counts calls beside each other each for itself, and of calls in each other the inner one", () => {
    const service = new Running();
    const agent = service.agent("a");
    const outer = service.model({ under: agent });
    const between = service.model({ under: outer });
    service.attach();
    const calls = [agent, agent].map((under) => service.model({ under, attributes: used }));
    service.bus.stats();
    for (const call of calls) call.end();
    service.model({ under: between, attributes: used }).end();
    between.setAttributes(used).end();
    outer.setAttributes(used).end();
    agent.setAttributes(used).end();
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ modelCalls: 3, inputTokens: 15 });
    expect(service.info(agent)).toMatchObject({ modelCalls: 3, inputTokens: 15 });
  });

  it("does not wait for ever when the agent that it never saw does not end", async () => {
    const service = new Running({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    service.attach();
    service.tool("t", { under: agent }).end();
    await pass(1000);
    expect(service.info(agent)?.state).toBe("closed");
  });

  it("ignores the end of a span that is no event", () => {
    const service = new Running();
    const span = service.plain("GET /");
    service.attach();
    span.end();
    expect(service.bus.stats()).toMatchObject({ published: 0, refused: 0, errors: 0, activeRuns: 0 });
  });

  it("reads the events that the span had before", () => {
    const service = new Running();
    const agent = service.agent("a");
    agent.addEvent("progress");
    service.attach();
    agent.end();
    expect(service.types(agent).slice(0, 2)).toEqual(["agent.invocation.started", "progress"]);
  });
});

describe("a span that ends more than once", () => {
  it("is counted from the second time on, also when its run is closed", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.end();
    const before = service.history(agent);
    service.bus.onEnd(readable(agent));
    service.bus.onEnd(readable(agent));
    expect(service.history(agent)).toEqual(before);
    expect(service.bus.stats()).toMatchObject({ refused: 2, openSpans: 0 });
    expect(service.bus.runs()).toHaveLength(1);
  });

  it("is counted while its run is open", () => {
    const service = new Service();
    const agent = service.agent("a");
    const tool = service.tool("t", { under: agent });
    tool.end();
    service.bus.onEnd(readable(tool));
    expect(service.types(agent).filter((type) => type === "agent.tool.completed")).toHaveLength(1);
    expect(service.bus.stats().openSpans).toBe(1);
  });

  it("does not end the run twice when it was seen late", () => {
    const service = new Running();
    const agent = service.agent("a");
    service.attach();
    agent.end();
    service.bus.onEnd(readable(agent));
    expect(service.types(agent)).toHaveLength(3);
    expect(service.bus.stats().refused).toBe(1);
  });
});

describe("a span that starts twice", () => {
  it("is one span", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    service.bus.onStart(readable(agent));
    service.bus.stats();
    agent.end();
    const ends = service.types(agent).filter((type) => type === "agent.invocation.completed");
    const starts = service.types(agent).filter((type) => type === "agent.invocation.started");
    expect([starts.length, ends.length]).toEqual([1, 1]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0 });
    expect(service.fate(agent)).toBe("completed");
  });
});

describe("two buses on one provider", () => {
  it("see the same, each with ids of its own, live events and dropped attributes too", () => {
    const other = new EventBus();
    const service = new Service({}, { spanProcessors: [other], spanLimits: { attributeCountLimit: 3 } });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.bus.stats();
    other.stats();
    model.addEvent("progress");
    model.setAttributes({ x: 1, y: 2, "gen_ai.usage.input_tokens": 7 });
    model.end();
    agent.end();
    const theirs = other.history(traceIdOf(agent));
    expect(theirs.map(({ type }) => type)).toEqual(service.types(agent));
    expect(service.types(agent)).toContain("agent.tokens.used");
    expect(theirs.map(({ id }) => id)).not.toEqual(service.history(agent).map(({ id }) => id));
    expect(theirs.filter(({ spanId }) => spanId === spanIdOf(model)).length).toBeGreaterThan(3);
  });

  it("close apart: what one closed the other still takes", () => {
    const other = new EventBus();
    const service = new Service({}, { spanProcessors: [other] });
    const agent = service.agent("a");
    service.bus.closeStream(traceIdOf(agent));
    agent.end();
    expect(other.history(traceIdOf(agent))).toHaveLength(3);
    expect(service.types(agent)).toContain("agent.invocation.failed");
  });

  it("of which one is registered twice counts everything once", () => {
    const service = new Service();
    const provider = new BasicTracerProvider({ spanProcessors: [service.bus, service.bus] });
    const span = provider.getTracer("app").startSpan("invoke_agent a", {
      attributes: { "gen_ai.operation.name": "invoke_agent" },
    });
    span.end();
    expect(service.types(span)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
  });

  it("of which one is registered twice for logs takes each log event once", () => {
    const { bus } = new Service();
    const provider = new LoggerProvider({ processors: [bus, bus] });
    runContext("r", () => {
      for (const n of [1, 2]) provider.getLogger("app").emit({ eventName: "order.placed", attributes: { n } });
    });
    expect(bus.history("r").map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }]);
  });
});
