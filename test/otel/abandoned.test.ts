import type { Span } from "@opentelemetry/api";
import type { EventDraft } from "spanbus";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { pass, requestFrom, Service, spanIdOf, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

describe("a span given up at a close", () => {
  it("fails as abandoned, with its duration so far and what it is", async () => {
    const service = new Service();
    runContext("r", () => {
      const agent = service.agent("planner");
      service.tool("search", { under: agent });
    });
    await pass(1500);
    service.bus.closeStream("r");
    expect(service.event("r", "agent.tool.failed").data).toMatchObject({
      toolName: "search",
      agentName: "planner",
      durationMillis: 1500,
      error: { type: "abandoned", message: expect.stringMatching(/./) },
    });
    expect(service.event("r", "agent.terminate").data).toMatchObject({
      reason: "abandoned",
      agentName: "planner",
      durationMillis: 1500,
      toolCalls: 1,
      failedToolCalls: 1,
      error: { type: "abandoned" },
    });
  });

  it("says what its start said and an end repeats, and not what went in", () => {
    const service = new Service();
    const asked = { "gen_ai.provider.name": "openai", "gen_ai.conversation.id": "c", "gen_ai.input.messages": "hello" };
    const call = { "gen_ai.tool.call.id": "call_9", "gen_ai.tool.type": "function" };
    runContext("r", () => {
      const agent = service.agent("planner");
      service.model({ under: agent, attributes: asked });
      service.tool("t", { under: agent, attributes: call });
    });
    service.bus.closeStream("r");
    const { durationMillis: _, error: __, ...model } = service.event("r", "agent.model.failed").data;
    expect(model).toEqual({ model: "gpt", provider: "openai", conversationId: "c", agentName: "planner" });
    const { durationMillis: ___, error: ____, ...tool } = service.event("r", "agent.tool.failed").data;
    expect(tool).toEqual({ toolName: "t", toolCallId: "call_9", toolType: "function", agentName: "planner" });
  });

  it("is counted, and is open no more", () => {
    const service = new Service();
    runContext("r", () => service.tool("t", { under: service.agent("a") }));
    expect(service.bus.stats()).toMatchObject({ openSpans: 2, abandonedSpans: 0 });
    service.bus.closeStream("r");
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: 2 });
    expect(service.info("r")?.openSpans).toBe(0);
  });

  it("only counts when it ends later", () => {
    const service = new Service();
    const agent = runContext("r", () => service.agent("a"));
    service.bus.closeStream("r");
    const before = service.history("r");
    agent.end();
    expect(service.history("r")).toEqual(before);
    expect(service.bus.stats().refused).toBe(1);
    expect(service.bus.runs()).toHaveLength(1);
  });

  it("adds nothing more by its events and attributes", () => {
    const service = new Service();
    const model = runContext("r", () => service.model());
    service.bus.closeStream("r");
    const before = service.history("r");
    model.addEvent("ai.stream.firstChunk");
    model.addEvent("progress");
    model.setAttribute("gen_ai.usage.input_tokens", 7);
    model.end();
    expect(service.history("r")).toEqual(before);
  });

  it("never ends twice, whether or not it ends while the others are given up", () => {
    const service = new Service();
    const agent = runContext("r", () => service.agent("a"));
    const tool = service.tool("t", { under: agent });
    service.bus.tap(({ type }) => {
      if (type === "agent.tool.failed") agent.end();
    });
    service.bus.closeStream("r");
    tool.end();
    const ends = service.types("r").filter((type) => /^agent\.invocation\.(completed|failed)$/.test(type));
    expect(ends).toHaveLength(1);
    expect(service.bus.stats().openSpans).toBe(0);
  });

  it("leaves other runs of the same trace alone", () => {
    const service = new Service();
    const server = service.plain("GET /");
    runContext("one", () => service.agent("one", { under: server }));
    const two = runContext("two", () => service.agent("two", { under: server }));
    service.bus.closeStream("one");
    two.end();
    expect(service.types("two")).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
  });
});

describe("a span of a run that was dropped", () => {
  it("is open no more, and its end and its children change nothing", () => {
    const service = new Service();
    const agent = service.agent("a");
    expect(service.bus.dropHistory(traceIdOf(agent))).toBe(true);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, retainedRuns: 0 });
    expect(() => {
      agent.addEvent("late");
      agent.end();
    }).not.toThrow();
    expect(service.bus.runs()).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, errors: 0 });
  });
});

describe("more open runs than maxOpenRuns", () => {
  it("close the least recently published as abandoned", () => {
    const service = new Service({ maxOpenRuns: 2 });
    const agents = ["1", "2", "3"].map((name) => service.agent(name));
    expect(agents.map((agent) => service.fate(agent))).toEqual(["abandoned", "open", "open"]);
    for (const agent of agents) agent.end();
    expect(agents.map((agent) => service.fate(agent))).toEqual(["abandoned", "completed", "completed"]);
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, openSpans: 0, abandonedSpans: 1 });
  });
});

describe("more open runs than maxOpenRuns, some of other processes,", () => {
  it("end those of other processes as detached, which go on when they come again", () => {
    const service = new Service({ maxOpenRuns: 2 });
    const [first, second] = ["1", "2"].map((id) =>
      service.agent("a", { under: requestFrom({ traceId: id.repeat(32) }) }),
    );
    service.agent("mine");
    expect(service.fate(first as Span)).toBe("detached");
    expect(service.fate(second as Span)).toBe("open");
    service.agent("again", { under: requestFrom({ traceId: "1".repeat(32) }) }).end();
    expect(service.history(first as Span).at(-1)).toMatchObject({ seq: 6, data: { reason: "completed" } });
  });

  it("take no place of those that began here", () => {
    const service = new Service({ maxOpenRuns: 2 });
    const mine = service.agent("mine");
    const requests = ["1", "2", "3"].map((id) =>
      service.agent("a", { under: requestFrom({ traceId: id.repeat(32) }) }),
    );
    expect(service.fate(mine)).toBe("open");
    expect(requests.map((agent) => service.fate(agent))).toEqual(["detached", "detached", "open"]);
    expect(service.bus.stats().activeRuns).toBe(2);
  });
});

describe("more open spans than maxOpenSpans", () => {
  it("give up the oldest", () => {
    const service = new Service({ maxOpenSpans: 2 });
    const oldest = service.agent("1");
    service.agent("2");
    service.agent("3");
    expect(service.bus.stats()).toMatchObject({ openSpans: 2, abandonedSpans: 1 });
    expect(service.fate(oldest)).toBe("abandoned");
    expect(service.event(oldest, "agent.invocation.failed").data.error.type).toBe("abandoned");
  });

  it.each(["a tap", "`redact`"])("give it up once, also when %s closes its run at that", (who) => {
    const closes = (by: string, { type, runId }: { type: string; runId: string }): void => {
      if (who === by && type === "agent.invocation.failed") service.bus.closeStream(runId);
    };
    const redact = (draft: EventDraft): EventDraft => {
      closes("`redact`", draft);
      return draft;
    };
    const service = new Service({ maxOpenSpans: 1, redact });
    const oldest = service.agent("1");
    service.bus.tap((event) => closes("a tap", event));
    service.agent("2");
    expect(service.types(oldest).slice(0, 2)).toEqual(["agent.invocation.started", "agent.invocation.failed"]);
    expect(service.types(oldest).filter((type) => type === "agent.invocation.failed")).toHaveLength(1);
    expect(service.bus.stats()).toMatchObject({ openSpans: 1, abandonedSpans: 1 });
  });

  it("never grow beyond that, also when the spans are no events", () => {
    const service = new Service({ maxOpenSpans: 10 });
    for (let count = 0; count < 100; count += 1) service.plain(`span ${count}`);
    const agent = service.agent("a");
    expect(service.types(agent)).toHaveLength(1);
    expect(service.bus.stats()).toMatchObject({ openSpans: 1, abandonedSpans: 0 });
  });

  it("do not bring the given-up span back when it ends after all", () => {
    const service = new Service({ maxOpenSpans: 2 });
    const oldest = service.agent("1");
    service.agent("2");
    service.agent("3");
    const before = service.history(oldest);
    oldest.end();
    expect(service.history(oldest)).toEqual(before);
    expect(service.bus.stats().refused).toBe(1);
    expect(service.bus.runs()).toHaveLength(3);
  });

  it("give up a request around agents without closing their run under them", () => {
    const service = new Service({ maxOpenSpans: 2 });
    const server = service.plain("GET /");
    const agent = service.agent("a", { under: server });
    const model = service.model({ under: agent });
    expect(service.fate(agent)).toBe("open");
    model.end();
    agent.end();
    expect(service.types(agent)).toContain("agent.terminate");
    expect(service.fate(agent)).toBe("completed");
    server.end();
  });

  it("keep the tree in one piece: children of a given-up span still name it", () => {
    const service = new Service({ maxOpenSpans: 2, closeGraceMillis: 1000 });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    const tool = service.tool("t", { under: model });
    expect(service.history(agent).find(({ spanId }) => spanId === spanIdOf(tool))?.parentSpanId).toBe(spanIdOf(model));
    const late = service.tool("late", { under: agent });
    expect(service.history(agent).find(({ spanId }) => spanId === spanIdOf(late))?.parentSpanId).toBe(spanIdOf(agent));
    expect(traceIdOf(late)).toBe(traceIdOf(agent));
  });
});

describe("a span of another process that is one too many", () => {
  it("has one end, where only its end shows what it is", () => {
    const service = new Service({ maxOpenRuns: 1 });
    const here = service.agent("here");
    const span = service.plain("t", { under: requestFrom() });
    // Then there is room again.
    service.bus.tap({ closed: ({ runId }) => void (runId === traceIdOf(span) && here.end()) });
    span.setAttribute("gen_ai.operation.name", "execute_tool").end();
    expect(service.types(span)).toEqual(["agent.tool.started", "agent.tool.failed"]);
    expect(service.bus.stats()).toMatchObject({ abandonedSpans: 1, refused: 1, openSpans: 0 });
  });
});
