import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  fail,
  listen,
  Service,
  spanIdOf,
  traceIdOf,
  withBaggage,
  withContextManager,
  withFakeTime,
} from "./support.js";

withContextManager();
withFakeTime();

describe("a span event", () => {
  it("becomes an event the moment it is added, under its own name", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    const heard = listen(service.bus);
    agent.addEvent("progress", { percent: 50 });
    expect(heard).toEqual(["progress"]);
    expect(service.event(agent, "progress" as never)).toMatchObject({
      spanId: spanIdOf(agent),
      traceId: traceIdOf(agent),
      data: { percent: 50 },
    });
  });

  it("added before the span was classified comes right behind the start", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.addEvent("early");
    expect(service.types(agent)).toEqual(["agent.invocation.started", "early"]);
    agent.end();
    expect(service.types(agent).filter((type) => type === "early")).toHaveLength(1);
  });

  it("on a span that is no event, inside a run, is taken live and names that span", () => {
    const service = new Service();
    const agent = service.agent("a");
    const http = service.plain("POST", { under: agent });
    service.bus.stats();
    http.addEvent("retry");
    expect(service.event(agent, "retry" as never)).toMatchObject({
      spanId: spanIdOf(http),
      parentSpanId: spanIdOf(agent),
    });
  });

  it("on a bound span that is no event is taken", () => {
    const service = new Service();
    const span = runContext("r", () => service.plain("work"));
    span.addEvent("progress");
    expect(service.types("r")).toEqual(["progress"]);
  });

  it.each(["gen_ai.choice", "agent.note"])("named %s opens a run, from any span", (name) => {
    const service = new Service();
    const span = service.plain("work");
    span.addEvent(name);
    span.end();
    expect(service.types(span)).toEqual([name]);
    expect(service.info(span)?.state).toBe("closed");
  });

  it("on a span that is bound below an event of another run is of the bound one", () => {
    const service = new Service();
    const agent = service.agent("a");
    const client = runContext("r", () => service.plain("POST", { under: agent }));
    client.addEvent("note");
    expect(service.history("r")).toMatchObject([{ type: "note", spanId: spanIdOf(client) }]);
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
  });

  it("on a span of a request goes to the run that its baggage names, where that is accepted", () => {
    const service = new Service({ acceptRemoteRun: true });
    const server = service.plain("POST", { under: withBaggage("theirs") });
    service.bus.stats();
    server.addEvent("gen_ai.live");
    server.addEvent("note");
    server.end();
    expect(service.types("theirs")).toEqual(["gen_ai.live", "note"]);
    expect(service.types(server)).toEqual([]);
  });

  it("of another name opens none", () => {
    const service = new Service();
    const span = service.plain("work");
    span.addEvent("message");
    span.end();
    expect(service.bus.stats()).toMatchObject({ published: 0, refused: 0, activeRuns: 0 });
  });

  it("named bus.* is refused and counted", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.addEvent("bus.gap");
    agent.end();
    expect(service.types(agent)).not.toContain("bus.gap");
    expect(service.bus.stats().refused).toBe(1);
  });

  it("named exception feeds error and is no event, also when the status says nothing or OK", () => {
    const service = new Service();
    const agent = service.agent("a");
    const tool = service.tool("t", { under: agent });
    service.bus.stats();
    tool.recordException(new RangeError("too far\nat line 7"));
    tool.setStatus({ code: 1 });
    tool.end();
    expect(service.event(agent, "agent.tool.failed").data.error).toEqual({ type: "RangeError", message: "too far" });
    expect(service.types(agent)).not.toContain("exception");
  });

  it("is published live beyond the limit at which the SDK drops the oldest", () => {
    const service = new Service({}, { spanLimits: { eventCountLimit: 3 } });
    const agent = service.agent("a");
    service.bus.stats();
    for (let index = 0; index < 10; index += 1) agent.addEvent(`step ${index}`);
    agent.end();
    expect(service.types(agent).filter((type) => type.startsWith("step "))).toEqual(
      Array.from({ length: 10 }, (_, index) => `step ${index}`),
    );
  });

  it("added after the end is not taken", () => {
    const service = new Service();
    const agent = runContext("r", () => service.agent("a"));
    agent.end();
    agent.addEvent("late");
    expect(service.types("r")).not.toContain("late");
  });

  it("leaves the span as it was for the application: result, chaining and properties", () => {
    const service = new Service();
    const agent = service.agent("a");
    const keys = Object.keys(agent);
    service.bus.stats();
    expect(agent.addEvent("progress")).toBe(agent);
    expect(agent.setAttribute("k", 1)).toBe(agent);
    expect(agent.setAttributes({ l: 2 })).toBe(agent);
    expect(Object.keys(agent)).toEqual(keys);
    expect((agent as unknown as { attributes: object }).attributes).toMatchObject({ k: 1, l: 2 });
  });

  it("reaches a method that somebody else had put on the span", () => {
    const service = new Service();
    const agent = service.agent("a");
    const seen: string[] = [];
    const previous = agent.addEvent;
    agent.addEvent = function (this: typeof agent, ...args: Parameters<typeof previous>) {
      seen.push(args[0]);
      return previous.apply(this, args);
    } as typeof previous;
    service.bus.stats();
    agent.addEvent("progress");
    expect(seen).toEqual(["progress"]);
    expect(service.types(agent)).toContain("progress");
  });
});

describe("what arrives both as span event and as log event", () => {
  it("is published once, whichever comes first", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    agent.addEvent("gen_ai.choice", { index: 0 });
    service.log("gen_ai.choice", { on: agent, attributes: { index: 0 } });
    service.log("gen_ai.other", { on: agent });
    agent.addEvent("gen_ai.other");
    expect(service.types(agent).slice(1)).toEqual(["gen_ai.choice", "gen_ai.other"]);
  });

  it("is published as often as one side said it", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    for (let turn = 0; turn < 3; turn += 1) {
      agent.addEvent("gen_ai.choice");
      service.log("gen_ai.choice", { on: agent });
    }
    service.log("gen_ai.choice", { on: agent });
    expect(service.types(agent).filter((type) => type === "gen_ai.choice")).toHaveLength(4);
  });

  it("is told apart by span", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.bus.stats();
    agent.addEvent("gen_ai.choice");
    service.log("gen_ai.choice", { on: model });
    expect(service.types(agent).filter((type) => type === "gen_ai.choice")).toHaveLength(2);
  });
});

describe("agent.model.first_chunk", () => {
  it("comes when the span event of the instrumentation says so, once", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.bus.stats();
    model.addEvent("ai.stream.firstChunk", { "ai.response.msToFirstChunk": 123 });
    model.addEvent("ai.stream.firstChunk", { "ai.response.msToFirstChunk": 456 });
    expect(service.history(agent).filter(({ type }) => type === "agent.model.first_chunk")).toMatchObject([
      {
        spanId: spanIdOf(model),
        data: { model: "gpt", agentName: "a", timeToFirstChunkMillis: expect.any(Number) },
      },
    ]);
  });

  it("comes when an attribute is set that arrives with the first chunk", async () => {
    const service = new Service();
    const model = service.model({ scope: "@opentelemetry/instrumentation-openai" });
    await Promise.resolve();
    model.setAttribute("gen_ai.response.id", "r1");
    await Promise.resolve();
    expect(service.types(model)).toEqual(["agent.model.started", "agent.model.first_chunk"]);
  });

  it("does not come when that attribute is set just before the end, as calls do that do not stream", async () => {
    const service = new Service();
    const model = service.model({ scope: "@opentelemetry/instrumentation-openai" });
    await Promise.resolve();
    model.setAttribute("gen_ai.response.id", "r1");
    model.end();
    await Promise.resolve();
    expect(service.types(model)).toEqual(["agent.model.started", "agent.model.completed"]);
  });

  it("does not come for anything but a model call", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    agent.addEvent("ai.stream.firstChunk");
    expect(service.types(agent)).not.toContain("agent.model.first_chunk");
  });
});

describe("how a span failed", () => {
  it("is its status, where nothing else says more", () => {
    const service = new Service();
    const agent = service.agent("a");
    fail(agent, "out of money");
    expect(service.event(agent, "agent.invocation.failed").data.error).toEqual({
      type: "error",
      message: "out of money",
    });
  });

  it("is cut at 500 characters", () => {
    const service = new Service();
    const agent = service.agent("a");
    fail(agent, "x".repeat(1000));
    expect(service.event(agent, "agent.invocation.failed").data.error.message).toHaveLength(500);
  });
});
