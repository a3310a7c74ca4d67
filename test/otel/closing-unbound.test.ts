import { describe, expect, it } from "vitest";
import {
  fail,
  listen,
  pass,
  readAll,
  Service,
  traceIdOf,
  withContextManager,
  withFakeTime,
  within,
} from "./support.js";

withContextManager();
withFakeTime();

describe("a run that nobody bound", () => {
  it("closes at once when its only span, the agent, ends", () => {
    const service = new Service();
    const heard = listen(service.bus);
    const agent = service.agent("a");
    agent.end();
    expect(heard).toEqual([
      `opened ${traceIdOf(agent)}`,
      "agent.invocation.started",
      "agent.invocation.completed",
      "agent.terminate",
      `closed ${traceIdOf(agent)} completed`,
    ]);
  });

  it("ends its readers when it closes", async () => {
    const service = new Service();
    const agent = service.agent("a");
    const reader = service.bus.subscribe(traceIdOf(agent));
    agent.end();
    expect((await readAll(reader)).map(({ type }) => type)).toEqual(service.types(agent));
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("waits for the local root around its agents: two agents under one request are one run", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.agent("first", { under: server }).end();
    expect(service.fate(server)).toBe("open");
    service.agent("second", { under: server }).end();
    expect(service.fate(server)).toBe("open");
    server.end();
    expect(service.fate(server)).toBe("completed");
    expect(service.types(server).filter((type) => type === "agent.terminate")).toHaveLength(2);
  });

  it("waits for an agent that goes on after the request around it", async () => {
    const service = new Service({ closeGraceMillis: 100, idleTimeoutMillis: 100_000 });
    const server = service.plain("GET /");
    const agent = service.agent("background", { under: server });
    server.end();
    await pass(50_000);
    expect(service.fate(server)).toBe("open");
    agent.end();
    expect(service.fate(server)).toBe("completed");
  });

  it("waits for the last of several agents", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const [first, second] = [service.agent("first", { under: server }), service.agent("second", { under: server })];
    server.end();
    first.end();
    expect(service.fate(server)).toBe("open");
    second.end();
    expect(service.fate(server)).toBe("completed");
  });

  it("has the outcome of the outermost agent that ended last", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const [first, second] = [service.agent("first", { under: server }), service.agent("second", { under: server })];
    fail(second);
    first.end();
    server.end();
    expect(service.fate(server)).toBe("completed");
  });

  it("fails when its agent fails", () => {
    const service = new Service();
    const agent = service.agent("a");
    fail(agent);
    expect(service.fate(agent)).toBe("failed");
  });

  it("is not failed by a failed tool, a failed model call or a failed request around it", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const agent = service.agent("a", { under: server });
    fail(service.tool("search", { under: agent }));
    fail(service.model({ under: agent }));
    agent.end();
    fail(server);
    expect(service.fate(server)).toBe("completed");
  });

  it("is cancelled when its agent ended with an AbortError", () => {
    const service = new Service();
    const agent = service.agent("a");
    const error = new Error("stopped by the user");
    error.name = "AbortError";
    agent.recordException(error);
    fail(agent);
    expect(service.fate(agent)).toBe("cancelled");
    expect(service.event(agent, "agent.terminate").data.reason).toBe("cancelled");
  });

  it.each([
    ["of the browser and of fetch", () => new DOMException("This operation was aborted", "AbortError")],
    ["of Node", () => Object.assign(new Error("The operation was aborted"), { name: "AbortError", code: "ABORT_ERR" })],
  ])("is cancelled also by the AbortError %s, which the SDK records by its code", (_of, make) => {
    const service = new Service();
    const agent = service.agent("a");
    agent.recordException(make());
    fail(agent, "The operation was aborted");
    expect(service.fate(agent)).toBe("cancelled");
  });

  it("has failed by the name of a DOMException, which the SDK records by its number", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.recordException(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    fail(agent, "The operation was aborted due to timeout");
    expect(service.event(agent, "agent.invocation.failed").data.error).toMatchObject({ type: "TimeoutError" });
    expect(service.fate(agent)).toBe("failed");
  });

  it("has failed by a number where that is all there is", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.addEvent("exception", { "exception.type": "502", "exception.message": "bad gateway" });
    agent.end();
    expect(service.event(agent, "agent.invocation.failed").data.error).toEqual({ type: "502", message: "bad gateway" });
  });

  it("is cancelled when the agent says so by error.type", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.setAttribute("error.type", "AbortError");
    fail(agent);
    expect(service.fate(agent)).toBe("cancelled");
  });

  it("has the outcome unknown without an agent span", () => {
    const service = new Service();
    const model = service.model();
    model.end();
    expect(service.fate(model)).toBe("unknown");
  });

  it("waits, once its root is over, for spans still open, and closes at once when they end", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    const tool = service.tool("slow", { under: agent });
    agent.end();
    await pass(900);
    expect(service.fate(agent)).toBe("open");
    tool.end();
    expect(service.fate(agent)).toBe("completed");
    expect(service.types(agent)).not.toContain("agent.tool.failed");
  });

  it("waits also for an open span that is no event, and gives nothing up for it", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    service.plain("POST", { under: agent });
    agent.end();
    expect(service.fate(agent)).toBe("open");
    await pass(1000);
    expect(service.fate(agent)).toBe("completed");
    expect(service.bus.stats().abandonedSpans).toBe(0);
  });

  it("closes after the grace period without an event, and gives up what is open", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    const tool = service.tool("stuck", { under: agent });
    agent.end();
    await pass(999);
    expect(service.fate(agent)).toBe("open");
    await pass(1);
    expect(service.fate(agent)).toBe("completed");
    expect(service.history(agent).at(-1)).toMatchObject({
      type: "agent.tool.failed",
      spanId: tool.spanContext().spanId,
      data: { toolName: "stuck", error: { type: "abandoned" } },
    });
  });

  it("starts the grace period anew with every event", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const agent = service.agent("a");
    const tool = service.tool("chatty", { under: agent });
    agent.end();
    for (let step = 0; step < 5; step += 1) {
      await pass(800);
      tool.addEvent("progress");
    }
    await pass(999);
    expect(service.fate(agent)).toBe("open");
    await pass(1);
    expect(service.fate(agent)).toBe("completed");
  });

  it("does not close while a new local root of it is open, and closes when that is over", async () => {
    const service = new Service({ closeGraceMillis: 1000, runId: () => "conversation" });
    const agent = service.agent("first");
    service.tool("stuck", { under: agent });
    agent.end();
    await pass(500);
    const next = service.plain("GET /");
    const second = service.agent("second", { under: next });
    await pass(5000);
    expect(service.fate("conversation")).toBe("open");
    second.end();
    expect(service.fate("conversation")).toBe("open");
    next.end();
    await pass(1000);
    expect(service.fate("conversation")).toBe("completed");
  });

  it("over two traces closes when the local roots of both are over", () => {
    const service = new Service({ runId: () => "conversation" });
    const [first, second] = [service.plain("GET /1"), service.plain("GET /2")];
    service.agent("first", { under: first }).end();
    service.agent("second", { under: second }).end();
    first.end();
    expect(service.fate("conversation")).toBe("open");
    second.end();
    expect(service.fate("conversation")).toBe("completed");
  });

  it("that only an emit made known closes with the request around it", () => {
    const service = new Service();
    const server = service.plain("GET /");
    within(server, () => service.bus.emit("note"));
    expect(service.fate(server)).toBe("open");
    server.end();
    expect(service.fate(server)).toBe("unknown");
  });

  it("that only a log event made known closes with the request around it", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.log("gen_ai.note", { on: server });
    expect(service.fate(server)).toBe("open");
    server.end();
    expect(service.fate(server)).toBe("unknown");
  });

  it("is not closed by the end of one request while an agent of it works under another", () => {
    const service = new Service({ runId: () => "conversation" });
    const agent = service.agent("slow");
    const server = service.plain("GET /");
    service.agent("quick", { under: server }).end();
    server.end();
    expect(service.fate("conversation")).toBe("open");
    agent.end();
    expect(service.fate("conversation")).toBe("completed");
  });

  it("closes with the last span when ends come in the order of starts", () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const spans = [service.agent("a")];
    for (let depth = 0; depth < 3; depth += 1) spans.push(service.agent("nested", { under: spans.at(-1) }));
    for (const span of spans.slice(0, -1)) span.end();
    expect(service.fate(spans[0] as never)).toBe("open");
    spans.at(-1)?.end();
    expect(service.fate(spans[0] as never)).toBe("completed");
  });
});
