import { type DiagLogger, diag } from "@opentelemetry/api";
import { EventBus, type LogRecordLike, runContext, type SpanLike } from "spanbus";
import { afterEach, describe, expect, it, vi } from "vitest";
import { listen, pass, readAll, Service, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();
afterEach(() => diag.disable());

const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
const agentAttributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a" };

/** A span as tracers make them that are not the SDK's: only what is given. */
function spanLike(parts: Partial<SpanLike> & { readonly parentSpanId?: string; readonly duration?: number }): SpanLike {
  return { name: "invoke_agent a", spanContext: () => ids, ...parts };
}

const listener = (): DiagLogger & { error: ReturnType<typeof vi.fn> } => {
  const logger = { error: vi.fn(), warn: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  return logger;
};

/** A list or a table of which nothing can be read. */
const unreadable = <T extends object>(target: T): T => {
  const refuse = (): never => {
    throw new Error("no");
  };
  return new Proxy(target, { get: refuse, ownKeys: refuse, has: refuse });
};

const hostile = [
  [
    "whose spanContext() throws",
    spanLike({
      spanContext: () => {
        throw new Error("no ids");
      },
    }),
  ],
  ["whose spanContext() is nothing", spanLike({ spanContext: () => undefined as never })],
  [
    "whose attributes throw",
    {
      ...spanLike({}),
      get attributes(): Record<string, unknown> {
        throw new Error("no attributes");
      },
    },
  ],
  [
    "with one attribute that throws",
    spanLike({
      attributes: {
        ...agentAttributes,
        get bad() {
          throw new Error("no");
        },
      },
    }),
  ],
  [
    "whose events throw",
    {
      ...spanLike({ attributes: agentAttributes }),
      get events(): never {
        throw new Error("no");
      },
    },
  ],
  [
    "whose name throws",
    {
      spanContext: () => ids,
      get name(): string {
        throw new Error("no name");
      },
    },
  ],
  ["whose name is a symbol", spanLike({ name: Symbol("name") as never, attributes: agentAttributes })],
  ["that is undefined", undefined as never],
  ["that is null", null as never],
  ["that is a number", 7 as never],
] as const satisfies readonly (readonly [string, SpanLike])[];

describe("a hook", () => {
  it.each(hostile)("survives a span %s", async (_what, span) => {
    const bus = new EventBus();
    expect(() => {
      bus.onStart(span);
      bus.stats();
      bus.onEnd(span);
    }).not.toThrow();
    await expect(bus.forceFlush()).resolves.toBeUndefined();
    expect(bus.stats().openSpans).toBe(0);
  });

  it.each(hostile)("goes on with the next span after one %s", (_what, span) => {
    const service = new Service();
    service.bus.onStart(span);
    const agent = service.agent("good");
    agent.end();
    expect(service.types(agent)).toHaveLength(3);
  });

  it.each([
    ["that is undefined", undefined],
    ["that is null", null],
    ["that is empty", {}],
    [
      "whose attributes throw",
      {
        eventName: "gen_ai.x",
        get attributes() {
          throw new Error("no");
        },
      },
    ],
    ["whose name is a number", { eventName: 7, attributes: {} }],
    ["whose ids are numbers", { eventName: "gen_ai.x", spanContext: { traceId: 7, spanId: 8 }, attributes: {} }],
    ["whose time is a word", { eventName: "gen_ai.x", spanContext: ids, hrTime: "now", attributes: {} }],
  ])("survives a log record %s", (_what, record) => {
    const bus = new EventBus();
    expect(() => bus.onEmit(record as LogRecordLike)).not.toThrow();
  });

  it("says once per burst through diag that something failed, and counts every time", async () => {
    const told = listener();
    const bus = new EventBus();
    for (let count = 0; count < 5; count += 1) bus.onEnd(hostile[0][1]);
    expect(told.error).toHaveBeenCalledOnce();
    expect(bus.stats().errors).toBe(5);
    await pass(120_000);
    bus.onEnd(hostile[0][1]);
    expect(told.error).toHaveBeenCalledTimes(2);
  });

  it.each<[string, Partial<SpanLike>]>([
    ["events cannot be listed", { events: unreadable([]) }],
    ["attributes cannot be listed", { attributes: unreadable({}) }],
    [
      "name throws",
      {
        get name(): never {
          throw new Error("no name");
        },
      },
    ],
  ])("gives a span its start and its end although its %s", (_, parts) => {
    const bus = new EventBus({ include: "all", attributes: () => true });
    const heard = listen(bus);
    const span = Object.defineProperties(spanLike({}), Object.getOwnPropertyDescriptors(parts));
    bus.onStart(span);
    bus.onEnd(span);
    expect(heard.slice(1, 3)).toEqual(["span.started", "span.completed"]);
    expect(bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [-1]])(
    "has a duration although the times begin with %d",
    (seconds) => {
      const service = new Service();
      const times = { startTime: [seconds, 1], endTime: [seconds, 1] } as const;
      const span = spanLike({ attributes: agentAttributes, ...times });
      service.bus.onStart(span);
      service.bus.onEnd(span);
      expect(service.event(ids.traceId, "agent.terminate").data.durationMillis).toBe(0);
    },
  );

  it("ends although spans that it sees first at their ends name each other as their parents", () => {
    const used = { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5 };
    const bus = new EventBus({ include: "all" });
    const [x, y, z] = ["1", "2", "3"].map((digit) => digit.repeat(16)) as [string, string, string];
    const below = (spanId: string, parentSpanId: string) =>
      ({ ...spanLike({ attributes: used, parentSpanId }), spanContext: () => ({ ...ids, spanId }) }) as SpanLike;
    const open = below(z, x);
    bus.onStart(open);
    bus.stats();
    for (const span of [below(x, y), below(y, x), below(x, z), below(y, y), open]) bus.onEnd(span);
    bus.closeStream(ids.traceId);
    expect(bus.history(ids.traceId).filter(({ type }) => type === "agent.model.completed")).toHaveLength(3);
    expect(bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, errors: 0 });
  });

  it("works without a context", () => {
    const bus = new EventBus();
    const span = spanLike({ attributes: agentAttributes });
    bus.onStart(span);
    bus.onEmit({ eventName: "note", spanContext: ids, attributes: { n: 1 } });
    bus.onEnd(span);
    expect(bus.history(ids.traceId).map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "note",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
  });

  it("works with a context that is no context", () => {
    const bus = new EventBus({ acceptRemoteRun: true, runId: () => undefined });
    const span = spanLike({ attributes: agentAttributes });
    expect(() => bus.onStart(span, {} as never)).not.toThrow();
    bus.onEnd(span);
    expect(bus.history(ids.traceId)).toHaveLength(3);
  });

  it("takes spans that have nothing but a name, ids and attributes", () => {
    const bus = new EventBus();
    const span = spanLike({ attributes: agentAttributes });
    bus.onStart(span);
    bus.onEnd(span);
    expect(bus.history(ids.traceId)).toMatchObject([
      { type: "agent.invocation.started", time: Date.now() },
      { type: "agent.invocation.completed", data: { durationMillis: 0 } },
      { type: "agent.terminate" },
    ]);
  });

  it("takes spans of a tracer that has a parentSpanId, a duration in milliseconds and no attributes", async () => {
    const bus = new EventBus({ include: "all" });
    const root = spanLike({ name: "web.request", duration: 12 });
    const child = { ...spanLike({ name: "http.request", parentSpanId: ids.spanId }) };
    const childIds = { ...ids, spanId: "c".repeat(16) };
    Object.assign(child, { spanContext: () => childIds });
    bus.onStart(root);
    bus.onStart(child);
    await pass(12);
    bus.onEnd(child);
    bus.onEnd(root);
    expect(bus.history(ids.traceId)).toMatchObject([
      { type: "span.started", data: { name: "web.request" } },
      { type: "span.started", parentSpanId: ids.spanId, data: { name: "http.request" } },
      { type: "span.completed", spanId: childIds.spanId },
      { type: "span.completed", spanId: ids.spanId, data: { durationMillis: 12 } },
    ]);
    expect(bus.history(ids.traceId)[0]).not.toHaveProperty("parentSpanId");
  });

  it("takes spans of dd-trace, whose attributes are the tags of a span behind", () => {
    const bus = new EventBus();
    const tags: Record<string, unknown> = { ...agentAttributes };
    const span = { ...spanLike({ duration: 12 }), _ddSpan: { context: () => ({ _tags: tags }) } };
    bus.onStart(span);
    tags["error.message"] = "no prices";
    bus.onEnd(span);
    expect(bus.history(ids.traceId)).toMatchObject([
      { type: "agent.invocation.started", data: { agentName: "a" } },
      { type: "agent.invocation.failed", data: { error: { message: "no prices" } } },
      { type: "agent.terminate", data: { reason: "failed" } },
    ]);
  });

  it.each([
    ["is not there", {}],
    ["is no span", { _ddSpan: 7 }],
    ["shows no context", { _ddSpan: { context: () => undefined } }],
    ["has no tags", { _ddSpan: { context: () => ({ _tags: null }) } }],
    [
      "throws",
      {
        get _ddSpan(): never {
          throw new Error("no");
        },
      },
    ],
  ])("sees no event in a span without attributes where the span behind %s", (_what, behind) => {
    const bus = new EventBus();
    const span = Object.defineProperties(spanLike({}), Object.getOwnPropertyDescriptors(behind));
    bus.onStart(span);
    bus.onEnd(span);
    expect(bus.stats()).toMatchObject({ published: 0, errors: 0 });
  });

  it.each(["0", "0000000000000000", ""])("takes the parentSpanId %j for no parent", (parentSpanId) => {
    const bus = new EventBus({ include: "all" });
    const span = spanLike({ parentSpanId });
    bus.onStart(span);
    bus.onEnd(span);
    expect(bus.history(ids.traceId)[0]).not.toHaveProperty("parentSpanId");
    expect(bus.runs()[0]?.state).toBe("closed");
  });

  it.each([
    ["frozen", (span: SpanLike) => Object.freeze(span)],
    ["sealed", (span: SpanLike) => Object.seal(span)],
    [
      "a proxy that refuses new properties",
      (span: SpanLike) => new Proxy(span, { defineProperty: () => false, set: () => false }),
    ],
  ])("takes a span that is %s", (_what, make) => {
    const bus = new EventBus();
    const events = [{ name: "progress", time: [1_700_000_000, 0] }];
    const span = make(spanLike({ attributes: agentAttributes, events }));
    bus.onStart(span);
    bus.onEnd(span);
    expect(bus.history(ids.traceId).map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "progress",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(bus.stats().errors).toBe(0);
  });

  it("never takes a span's own failure away from the application", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.addEvent = () => {
      throw new Error("mine");
    };
    service.bus.stats();
    expect(() => agent.addEvent("x")).toThrow("mine");
  });
});

describe("shutdown", () => {
  it("gives up open spans, closes every stream and ends readers", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    runContext("r", () => service.agent("a"));
    const [reader, waiting, global] = [
      service.bus.subscribe("r"),
      service.bus.subscribe("unborn"),
      service.bus.subscribeGlobal(),
    ];
    await service.bus.shutdown();
    expect(heard.at(-1)).toBe("closed r abandoned");
    expect((await readAll(reader)).map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "agent.invocation.failed",
      "agent.terminate",
    ]);
    expect(await reader.ended).toMatchObject({ reason: "shutdown" });
    expect(await readAll(waiting)).toEqual([]);
    expect((await readAll(global)).at(-1)).toMatchObject({ type: "bus.run.closed" });
    expect(await global.ended).toEqual({ reason: "shutdown" });
  });

  it("leaves no span open, also none of a run that never began", async () => {
    const service = new Service({ redact: () => undefined });
    service.agent("a");
    expect(service.bus.stats().openSpans).toBe(1);
    await service.bus.shutdown();
    expect(service.bus.stats().openSpans).toBe(0);
  });

  it("twice is once: the trace provider and the log provider each call it", async () => {
    const service = new Service();
    service.agent("a");
    const heard = listen(service.bus);
    await Promise.all([service.provider.shutdown(), service.logs.shutdown()]);
    await service.bus.shutdown();
    expect(heard.filter((word) => word.startsWith("closed"))).toHaveLength(1);
    expect(service.bus.stats().abandonedSpans).toBe(1);
  });

  it("counts the agent spans that begin after it as refused", async () => {
    const service = new Service();
    const before = service.agent("before");
    await service.bus.shutdown();
    before.end();
    service.agent("after").end();
    service.plain("GET /").end();
    expect(service.bus.stats({ details: true })).toMatchObject({ refused: 1, details: { refused: { shutdown: 1 } } });
  });

  it("leaves reading as it was", async () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.end();
    await service.bus.shutdown();
    expect(service.history(agent)).toHaveLength(3);
    expect(service.bus.runs()).toHaveLength(1);
    expect(await readAll(service.bus.subscribe(traceIdOf(agent)))).toHaveLength(3);
  });

  it("refuses all input from then on, without a throw", async () => {
    const service = new Service();
    const [open, unheld] = [service.agent("open"), service.plain("unheld")];
    await service.bus.shutdown();
    const { published } = service.bus.stats();
    expect(() => {
      service.agent("late").end();
      unheld.end();
      open.addEvent("late");
      open.setAttribute("k", 1);
      open.end();
      service.log("gen_ai.late");
      service.bus.closeStream("r");
      service.bus.onStart(undefined as never);
      service.bus.onEnd(undefined as never);
      service.bus.onEmit(undefined as never);
    }).not.toThrow();
    expect(service.bus.publish({ runId: "r", type: "note" })).toBeUndefined();
    runContext("r", () => expect(service.bus.emit("note")).toBeUndefined());
    expect(service.bus.run("r", () => 7)).toBe(7);
    await pass(1000);
    expect(service.bus.stats()).toMatchObject({ published, openSpans: 0, activeRuns: 0, errors: 0 });
  });

  it("takes in what was held back", async () => {
    const service = new Service();
    const agent = service.agent("a");
    await service.bus.shutdown();
    expect(service.types(agent)[0]).toBe("agent.invocation.started");
  });

  it("leaves no timer behind", async () => {
    const service = new Service();
    const agent = service.agent("a");
    service.tool("t", { under: agent });
    agent.end();
    runContext("r", () => service.bus.emit("note"));
    service.bus.run("s", () => service.bus.emit("note"));
    await service.bus.shutdown();
    await pass();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("forceFlush", () => {
  it("publishes a span that was held, and resolves", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    const span = service.plain("work");
    span.setAttribute("gen_ai.operation.name", "invoke_agent");
    await service.provider.forceFlush();
    expect(heard).toContain("agent.invocation.started");
  });
});

describe("a span that ends while a callback is asked about it", () => {
  it("and that cannot be read any more when its turn comes, throws nothing at whoever asks the bus then", async () => {
    let asked = 0;
    const { bus } = new Service({ runId: () => void bus.onEnd(span) });
    const span = spanLike({
      attributes: agentAttributes,
      spanContext: () => {
        asked += 1;
        if (bus.stats().openSpans > 0) throw new Error("gone");
        return ids;
      },
    }) as SpanLike & Parameters<EventBus["onEnd"]>[0];
    bus.onStart(span as never, undefined as never);
    expect(() => bus.stats()).not.toThrow();
    await pass();
    expect(asked).toBeGreaterThan(0);
    expect(bus.stats().errors).toBeGreaterThan(0);
  });
});
