import { context, trace } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  listen,
  pass,
  readAll,
  requestFrom,
  Service,
  traceIdOf,
  withBaggage,
  withContextManager,
  withFakeTime,
} from "./support.js";

withContextManager();
withFakeTime();

describe("a run whose trace began in another process", () => {
  it("is not closed when its local root ends: silence detaches it", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a", { under: requestFrom() });
    agent.end();
    expect(service.fate(agent)).toBe("open");
    await pass(999);
    expect(service.fate(agent)).toBe("open");
    await pass(1);
    expect(service.fate(agent)).toBe("detached");
  });

  it("ends its readers with the outcome detached, with all they are due", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a", { under: requestFrom() });
    const reader = service.bus.subscribe(traceIdOf(agent));
    agent.end();
    await pass(1000);
    expect(await readAll(reader)).toHaveLength(3);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "detached" });
  });

  it("goes on in the same generation with the next local root", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const heard = listen(service.bus);
    const first = service.agent("first", { under: requestFrom() });
    first.end();
    const generation = service.info(first)?.generation;
    await pass(1000);
    const second = service.agent("second", { under: requestFrom() });
    expect(service.info(second)).toMatchObject({ generation, state: "open", events: 4 });
    expect(service.info(second)?.outcome).toBeUndefined();
    second.end();
    expect(service.history(second).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    await pass(1000);
    expect(service.fate(second)).toBe("detached");
    const runId = traceIdOf(first);
    expect(heard.filter((word) => /opened|closed/.test(word))).toEqual([
      `opened ${runId}`,
      `closed ${runId} detached`,
      `opened ${runId}`,
      `closed ${runId} detached`,
    ]);
  });

  it("takes the next local root at once when that comes before the silence was long enough", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const reader = service.bus.subscribe(requestTrace);
    service.agent("first", { under: requestFrom() }).end();
    await pass(900);
    service.agent("second", { under: requestFrom() }).end();
    await pass(900);
    expect(service.fate(requestTrace)).toBe("open");
    await pass(100);
    expect(await readAll(reader)).toHaveLength(6);
  });

  it("is not detached while a span of it is open, however silent", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const server = service.plain("POST /", { under: requestFrom() });
    const agent = service.agent("a", { under: server });
    await pass(60_000);
    expect(service.fate(agent)).toBe("open");
    agent.end();
    await pass(60_000);
    expect(service.fate(agent)).toBe("open");
    server.end();
    await pass(1000);
    expect(service.fate(agent)).toBe("detached");
  });

  it("lets a reader that comes while it is detached have the history, then end", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    service.agent("a", { under: requestFrom() }).end();
    await pass(1000);
    const reader = service.bus.subscribe(requestTrace);
    expect(await readAll(reader)).toHaveLength(3);
    expect(await reader.ended).toMatchObject({ outcome: "detached" });
  });

  it("lets such a reader resume behind its last event when the run goes on, without a gap", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    service.agent("first", { under: requestFrom() }).end();
    await pass(1000);
    const first = service.bus.subscribe(requestTrace);
    await readAll(first);
    const agent = service.agent("second", { under: requestFrom() });
    const again = service.bus.subscribe(requestTrace, { after: first.lastId ?? "" });
    agent.end();
    await pass(1000);
    expect((await readAll(again)).map(({ seq }) => seq)).toEqual([4, 5, 6]);
  });

  it("keeps the id of the remote parent on its events", () => {
    const service = new Service();
    const server = service.plain("POST /", { under: requestFrom() });
    service.agent("a", { under: server });
    expect(service.history(server)).toMatchObject([{ parentSpanId: "b7ad6b7169203331" }]);
  });

  it("is not sealed by a straggler that starts after the run was detached", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("first", { under: requestFrom() });
    agent.end();
    await pass(1000);
    const generation = service.info(agent)?.generation;
    service.tool("straggler", { under: agent }).end();
    await pass(1000);
    service.agent("second", { under: requestFrom() }).end();
    expect(service.info(agent)).toMatchObject({ generation, state: "open" });
  });

  it.each([
    ["drops it", (service: Service) => service.bus.dropHistory(requestTrace), undefined],
    ["closes it", (service: Service) => service.bus.closeStream(requestTrace, "completed"), "detached"],
  ])("is told once to be over when a tap %s at the last that is said of it", async (_, act, fate) => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    service.bus.tap(({ type }) => {
      if (type === "agent.invocation.failed") act(service);
    });
    const heard = listen(service.bus);
    const agent = service.agent("a", { under: requestFrom() });
    await pass(5000);
    expect(heard.filter((word) => word.startsWith("closed"))).toHaveLength(1);
    expect(service.fate(agent)).toBe(fate);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
  });

  it("is detached, not closed, when nothing happens for the idle time while a span hangs", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    const agent = service.agent("a", { under: requestFrom() });
    await pass(5000);
    expect(service.fate(agent)).toBe("detached");
    service.agent("b", { under: requestFrom() });
    expect(service.fate(agent)).toBe("open");
  });

  it("can be closed for good by closeStream", () => {
    const service = new Service();
    service.agent("first", { under: requestFrom() }).end();
    expect(service.bus.closeStream(requestTrace)).toBe(true);
    expect(service.fate(requestTrace)).toBe("completed");
    expect(service.bus.publish({ runId: requestTrace, type: "note" })).toBeUndefined();
  });

  it("tells a reader that comes after such a close how it was closed", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a", { under: requestFrom() });
    agent.end();
    await pass(1000);
    expect(service.fate(agent)).toBe("detached");
    service.bus.closeStream(traceIdOf(agent), "completed");
    const end = { reason: "closed", outcome: "completed" };
    expect(service.bus.standing(traceIdOf(agent))?.end).toEqual(end);
    const reader = service.bus.subscribe(traceIdOf(agent), { after: "live" });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual(end);
  });

  it("can be closed for good by closeStream also when it is detached", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    service.agent("first", { under: requestFrom() }).end();
    await pass(1000);
    expect(service.bus.closeStream(requestTrace)).toBe(true);
    expect(service.bus.publish({ runId: requestTrace, type: "note" })).toBeUndefined();
  });

  it("is owned all the same when this process binds it: the close is final", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    context.with(requestFrom(), () => service.bus.run("r", () => service.agent("a").end()));
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.bus.publish({ runId: "r", type: "note" })).toBeUndefined();
  });
});

describe("a run whose id came with baggage", () => {
  it("is detached after silence although its trace began here", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000 });
    service.agent("a", { under: withBaggage("r") }).end();
    expect(service.fate("r")).toBe("open");
    await pass(1000);
    expect(service.fate("r")).toBe("detached");
  });

  it("goes on in the same generation with the next request", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000 });
    const client = (spanId: string) => requestFrom({ traceId: spanId.repeat(2), spanId }, withBaggage("r"));
    service.agent("first", { under: client("a".repeat(16)) }).end();
    await pass(1000);
    service.agent("second", { under: client("b".repeat(16)) }).end();
    expect(service.history("r").map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(service.info("r")?.traceIds).toHaveLength(2);
  });

  it("cannot open again what is sealed", () => {
    const service = new Service({ acceptRemoteRun: true });
    runContext("r", () => service.agent("mine").end());
    service.bus.closeStream("r");
    service.agent("theirs", { under: withBaggage("r") }).end();
    expect(service.types("r")).toHaveLength(3);
    expect(service.fate("r")).toBe("completed");
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("cannot close what is bound here", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000 });
    runContext("r", () => service.agent("mine").end());
    service.agent("theirs", { under: withBaggage("r") }).end();
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    expect(service.types("r")).toHaveLength(6);
    service.bus.closeStream("r");
    expect(service.fate("r")).toBe("completed");
  });

  it("cannot be closed, nor opened again, by what the application emits for a request", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000 });
    const emitFor = (runId: string): void => {
      const server = service.plain("POST /", { under: withBaggage(runId) });
      context.with(trace.setSpan(withBaggage(runId), server), () => service.bus.emit("note"));
      server.end();
    };
    service.bus.publish({ runId: "r", type: "note" });
    emitFor("r");
    expect(service.fate("r")).toBe("open");
    await pass(1000);
    expect(service.fate("r")).toBe("detached");
    runContext("mine", () => service.bus.emit("note"));
    service.bus.closeStream("mine", "completed");
    emitFor("mine");
    expect(service.fate("mine")).toBe("completed");
    expect(service.types("mine")).toEqual(["note"]);
  });

  it("is known not to be owned when something was emitted for it", () => {
    const service = new Service({ acceptRemoteRun: true });
    context.with(withBaggage("r"), () => service.bus.emit("note"));
    expect(service.info("r")?.owned).toBe(false);
  });

  it("is waited for all the same when what was emitted for it was withheld", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000, redact: () => undefined });
    const reader = service.bus.subscribe("r");
    context.with(withBaggage("r"), () => service.bus.emit("note"));
    await pass(60_000);
    expect(service.bus.stats()).toMatchObject({ runSubscribers: 1, refused: 1 });
    reader.close();
    expect(service.bus.standing("r")).toBeUndefined();
  });

  it("is closed for good by a bus.run of the same id in this process", async () => {
    const service = new Service({ acceptRemoteRun: true, closeGraceMillis: 1000 });
    await service.bus.run("r", async () => {
      const client = service.plain("POST self");
      const request = trace.setSpanContext(withBaggage("r"), { ...client.spanContext(), isRemote: true });
      service.agent("callee", { under: request }).end();
      client.end();
    });
    await pass();
    expect(service.fate("r")).toBe("completed");
  });
});

describe("a run in a trace that this process began and that came back from another one", () => {
  it("is owned: it closes when the root that began it is over", () => {
    const service = new Service();
    const root = service.plain("job");
    service.agent("a", { under: root }).end();
    const callback = service.plain("POST /callback", {
      under: requestFrom({ traceId: traceIdOf(root), spanId: "1234567890abcdef" }),
    });
    service.agent("b", { under: callback }).end();
    callback.end();
    expect(service.fate(root)).toBe("open");
    root.end();
    expect(service.fate(root)).toBe("completed");
  });
});

const requestTrace = "0af7651916cd43dd8448eb211c80319c";
