import { context } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  pass,
  readAll,
  requestFrom,
  Service,
  spanIdOf,
  traceIdOf,
  withBaggage,
  withContextManager,
  withFakeTime,
  within,
} from "./support.js";

withContextManager();
withFakeTime();

describe("a log event", () => {
  it("becomes an event under its own name, with its attributes, its body and its span", () => {
    const service = new Service();
    const agent = service.agent("a");
    const http = service.plain("POST", { under: agent });
    service.log("order.placed", { on: http, attributes: { orderId: 7, items: ["a", "b"] }, body: "placed" });
    expect(service.event(agent, "order.placed" as never)).toMatchObject({
      runId: traceIdOf(agent),
      traceId: traceIdOf(agent),
      spanId: spanIdOf(http),
      parentSpanId: spanIdOf(agent),
      data: { orderId: 7, items: ["a", "b"], body: "placed" },
    });
  });

  it.each(["none", "preview"] as const)(
    "that is a chunk is joined with others, with `content: %j`",
    async (content) => {
      const service = new Service({ content });
      const model = service.model();
      const reader = service.bus.subscribe(traceIdOf(model), { types: ["agent.model.chunk"] });
      for (let n = 0; n < 2000; n += 1) service.log("agent.model.chunk", { on: model, attributes: { text: "x" } });
      await pass(50);
      model.end();
      const chunks = await readAll(reader);
      expect(chunks.map(({ data }) => data)).toEqual([
        { ...(content === "preview" && { text: "x".repeat(2000) }), chunks: 2000 },
      ]);
      expect(reader.dropped).toBe(0);
    },
  );

  it("may have an attribute called `__proto__`", () => {
    const service = new Service();
    const attributes = JSON.parse('{"__proto__":{"polluted":true},"orderId":7}');
    runContext("r", () => service.bus.onEmit({ eventName: "order.placed", attributes }, context.active()));
    const { data } = service.event("r", "order.placed" as never) as { data: object };
    expect(Object.entries(data)).toEqual(Object.entries(attributes));
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
  });

  it("takes the active span and the bound run", () => {
    const service = new Service();
    runContext("r", () => within(service.agent("a"), () => service.log("note")));
    expect(service.types("r")).toEqual(["agent.invocation.started", "note"]);
  });

  it("may have its name in the attribute event.name, which is then not repeated in data", () => {
    const service = new Service();
    runContext("r", () => service.logs.getLogger("app").emit({ attributes: { "event.name": "note", n: 1 } }));
    expect(service.history("r")).toMatchObject([{ type: "note", data: { n: 1 } }]);
    expect(service.history("r")[0]?.data).not.toHaveProperty("event.name");
  });

  it("has its name in the attribute also where its own is empty", () => {
    const service = new Service();
    runContext("r", () => service.log("", { attributes: { "event.name": "note" } }));
    expect(service.types("r")).toEqual(["note"]);
  });

  it("without a name is a log line and no event", () => {
    const service = new Service();
    runContext("r", () => service.logs.getLogger("app").emit({ body: "hello" }));
    expect(service.bus.stats()).toMatchObject({ published: 0, refused: 0 });
  });

  it("in a bound run without an event is taken, whatever its name, and opens the run", () => {
    const service = new Service();
    runContext("r", () => service.log("anything"));
    expect(service.types("r")).toEqual(["anything"]);
    expect(service.fate("r")).toBe("open");
  });

  it("in a run that has an event is taken, whatever its name", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.log("before", { on: server });
    service.agent("a", { under: server });
    service.log("after", { on: server });
    expect(service.types(server)).toEqual(["agent.invocation.started", "after"]);
  });

  it.each(["gen_ai.evaluation.result", "agent.note"])("named %s opens a run", (name) => {
    const service = new Service();
    const server = service.plain("GET /");
    service.log(name, { on: server });
    expect(service.types(server)).toEqual([name]);
  });

  it.each(["genai.note", "agents.note", "agent", "http.request"])("named %s opens none", (name) => {
    const service = new Service();
    const server = service.plain("GET /");
    service.log(name, { on: server });
    expect(service.bus.runs()).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ published: 0, refused: 0, activeRuns: 0 });
  });

  it("takes a binding made below its span, as what is emitted there does", () => {
    const service = new Service();
    const agent = service.agent("a");
    within(agent, () =>
      runContext("r", () => {
        service.logs.getLogger("app").emit({ eventName: "logged" });
        service.bus.emit("emitted");
      }),
    );
    expect(service.types("r")).toEqual(["logged", "emitted"]);
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
  });

  it("belongs to the run of its span where the `runId` option said so, whatever is bound around it", () => {
    const service = new Service({ runId: () => "named" });
    runContext("bound", () =>
      within(service.agent("a"), () => service.logs.getLogger("app").emit({ eventName: "note" })),
    );
    expect(service.types("named")).toEqual(["agent.invocation.started", "note"]);
    expect(service.types("bound")).toEqual([]);
  });

  it("of a request goes to the run that its baggage names, where that is accepted", () => {
    const told = (service: Service, name: string): void =>
      context.with(withBaggage("remote"), () => service.logs.getLogger("app").emit({ eventName: name }));
    const service = new Service({ acceptRemoteRun: true });
    told(service, "before");
    told(service, "agent.note");
    told(service, "after");
    expect(service.types("remote")).toEqual(["agent.note", "after"]);
    expect(service.bus.runInfo("remote")?.owned).toBe(false);
    const wary = new Service();
    told(wary, "agent.note");
    expect(wary.bus.runs()).toEqual([]);
  });

  it("named gen_ai.* without a trace and without a binding belongs nowhere", () => {
    const service = new Service();
    service.log("gen_ai.evaluation.result");
    expect(service.bus.stats()).toMatchObject({ published: 0, activeRuns: 0 });
  });

  it.each(["bus.gap", "bus.run.closed", "bus.mine"])("named %s is refused and counted", (name) => {
    const service = new Service();
    const agent = service.agent("a");
    service.log(name, { on: agent });
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
    expect(service.bus.stats().refused).toBe(1);
  });

  it("named exception feeds the error of its span and is no event", () => {
    const service = new Service();
    const agent = service.agent("a");
    const tool = service.tool("t", { under: agent });
    service.log("exception", {
      on: tool,
      attributes: { "exception.type": "TypeError", "exception.message": "no such city" },
    });
    tool.end();
    expect(service.event(agent, "agent.tool.failed").data.error).toEqual({
      type: "TypeError",
      message: "no such city",
    });
    expect(service.types(agent)).not.toContain("exception");
  });

  it("named exception outside of every span is nothing", () => {
    const service = new Service();
    runContext("r", () => service.log("exception", { attributes: { "exception.type": "E" } }));
    expect(service.types("r")).toEqual([]);
  });

  it("of an unsampled trace still reaches the bus, and its run is not kept open for ever", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    context.with(requestFrom({ traceFlags: 0, isRemote: false }), () => service.log("gen_ai.note"));
    const runId = "0af7651916cd43dd8448eb211c80319c";
    expect(service.types(runId)).toEqual(["gen_ai.note"]);
    await pass(1000);
    expect(service.info(runId)?.state).toBe("closed");
  });

  it("in a run that is closed is refused and counted", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.end();
    service.log("late", { on: agent });
    service.log("gen_ai.late", { on: agent });
    expect(service.types(agent)).toHaveLength(3);
    expect(service.bus.stats().refused).toBe(2);
  });

  it("has the time of the record", () => {
    const service = new Service();
    runContext("r", () => service.logs.getLogger("app").emit({ eventName: "note", timestamp: [1_600_000_000, 5e8] }));
    expect(service.history("r")).toMatchObject([{ time: 1_600_000_000_500 }]);
  });

  it("is behind the span that started just before", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.log("note", { on: agent });
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "note",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
  });

  it("carries nested attributes and drops what is no JSON", () => {
    const service = new Service();
    const attributes = { nested: { list: [1, { deep: true }] }, bytes: new Uint8Array([1, 2]), missing: undefined };
    runContext("r", () => service.log("note", { attributes: attributes as never }));
    expect(service.history("r")[0]?.data).toEqual({ nested: { list: [1, { deep: true }] }, bytes: "AQI=" });
  });
});

describe("the logger", () => {
  it("finds itself enabled until the bus is shut down", async () => {
    const { bus } = new Service();
    expect(bus.enabled()).toBe(true);
    await bus.shutdown();
    expect(bus.enabled()).toBe(false);
  });
});

describe("chunks of a model call", () => {
  const chunk = (service: Service, model: Parameters<Service["log"]>[1], text: string) =>
    service.log("agent.model.chunk", { ...model, attributes: { text } });

  it("within 50 ms are one event, delivered live and not kept", async () => {
    const service = new Service();
    const heard: unknown[] = [];
    service.bus.tap((event) => {
      if (event.type === "agent.model.chunk") heard.push(event.data);
    });
    const model = service.model();
    for (const text of ["a ", "b ", "c"]) chunk(service, { on: model }, text);
    expect(heard).toEqual([]);
    await pass(50);
    expect(heard).toEqual([{ text: "a b c", chunks: 3 }]);
    chunk(service, { on: model }, "d");
    await pass(50);
    expect(heard).toEqual([
      { text: "a b c", chunks: 3 },
      { text: "d", chunks: 1 },
    ]);
    expect(service.types(model)).toEqual(["agent.model.started"]);
  });

  it("are one event at 4096 characters, at once", () => {
    const service = new Service({ transient: [], content: "full" });
    const model = service.model();
    for (let count = 0; count < 5; count += 1) chunk(service, { on: model }, "x".repeat(1024));
    expect(service.event(model, "agent.model.chunk").data).toEqual({ text: "x".repeat(4096), chunks: 4 });
  });

  it("are not mixed with those of another call", async () => {
    const service = new Service({ transient: [] });
    const agent = service.agent("a");
    const [one, two] = [service.model({ under: agent }), service.model({ under: agent })];
    for (const text of ["a", "b"]) {
      chunk(service, { on: one }, `1${text}`);
      chunk(service, { on: two }, `2${text}`);
    }
    await pass(50);
    const chunks = service.history(agent).filter(({ type }) => type === "agent.model.chunk");
    expect(chunks.map(({ spanId, data }) => [spanId, data])).toEqual([
      [spanIdOf(one), { text: "1a1b", chunks: 2 }],
      [spanIdOf(two), { text: "2a2b", chunks: 2 }],
    ]);
  });

  it.each([
    ["the end of the call", (_service: Service, model: ReturnType<Service["model"]>) => model.end()],
    ["another event of the run", (service: Service) => void service.bus.publish({ runId: "r", type: "note" })],
    ["a close", (service: Service) => void service.bus.closeStream("r")],
    ["forceFlush", (service: Service) => void service.bus.forceFlush()],
    ["shutdown", (service: Service) => void service.bus.shutdown()],
  ])("come before %s", (_what, act) => {
    const service = new Service({ transient: [] });
    const model = runContext("r", () => service.model());
    chunk(service, { on: model }, "a");
    act(service, model);
    expect(service.types("r").slice(0, 2)).toEqual(["agent.model.started", "agent.model.chunk"]);
    expect(service.types("r").filter((type) => type === "agent.model.chunk")).toHaveLength(1);
  });

  it("are joined also when they are span events or emitted", async () => {
    const service = new Service({ transient: [] });
    const model = runContext("r", () => service.model());
    service.bus.stats();
    model.addEvent("agent.model.chunk", { text: "a" });
    model.addEvent("agent.model.chunk", { text: "b" });
    within(model, () => runContext("r", () => service.bus.emit("agent.model.chunk", { text: "c" })));
    await pass(50);
    expect(service.history("r").filter(({ type }) => type === "agent.model.chunk")).toMatchObject([
      { data: { text: "abc", chunks: 3 } },
    ]);
  });
});
