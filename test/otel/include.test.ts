import { describe, expect, it, vi } from "vitest";
import { fail, Service, spanIdOf, withContextManager, withFakeTime } from "./support.js";

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
