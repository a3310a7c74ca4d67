import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { fail, listen, pass, readAll, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

describe("a run bound by runContext", () => {
  it("stays open when its function returned, its agent ended and its grace period passed", async () => {
    const service = new Service({ closeGraceMillis: 100 });
    runContext("r", () => service.agent("a").end());
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
  });

  it("stays open when the function throws", () => {
    const service = new Service();
    expect(() =>
      runContext("r", () => {
        service.agent("a").end();
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(service.fate("r")).toBe("open");
  });

  it("closes by closeStream, with the outcome of its agent", () => {
    const service = new Service();
    runContext("r", () => fail(service.agent("a")));
    expect(service.bus.closeStream("r")).toBe(true);
    expect(service.fate("r")).toBe("failed");
  });

  it("closes with the outcome that closeStream is given", () => {
    const service = new Service();
    runContext("r", () => service.agent("a").end());
    service.bus.closeStream("r", "cancelled");
    expect(service.fate("r")).toBe("cancelled");
  });

  it("closes as unknown without an agent", () => {
    const service = new Service();
    runContext("r", () => service.bus.emit("note"));
    service.bus.closeStream("r");
    expect(service.fate("r")).toBe("unknown");
  });

  it("gives up at the close what is open, innermost first", () => {
    const service = new Service();
    runContext("r", () => {
      const agent = service.agent("a");
      const model = service.model({ under: agent });
      service.tool("t", { under: model });
    });
    service.bus.closeStream("r");
    expect(service.types("r").slice(3)).toEqual([
      "agent.tool.failed",
      "agent.model.failed",
      "agent.invocation.failed",
      "agent.terminate",
    ]);
    expect(service.fate("r")).toBe("abandoned");
  });

  it("takes events of many calls, one behind the other", () => {
    const service = new Service();
    for (const name of ["one", "two", "three"]) runContext("r", () => service.agent(name).end());
    expect(service.types("r").filter((type) => type === "agent.terminate")).toHaveLength(3);
    expect(service.info("r")?.traceIds).toHaveLength(3);
  });

  it("stays open although a local root around it ends", () => {
    const service = new Service();
    const server = service.plain("GET /");
    runContext("r", () => service.agent("a", { under: server }).end());
    server.end();
    expect(service.fate("r")).toBe("open");
  });

  it("stays open when it came in by a request from elsewhere, and is not detached", async () => {
    const service = new Service({ closeGraceMillis: 100 });
    const reader = service.bus.subscribe("r");
    const request = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1, isRemote: true };
    const { trace, context } = await import("@opentelemetry/api");
    context.with(trace.setSpanContext(context.active(), request), () =>
      runContext("r", () => service.agent("a").end()),
    );
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    service.bus.closeStream("r");
    expect(await readAll(reader)).toHaveLength(3);
  });
});

describe("closeStream", () => {
  it("is true once and false from then on", () => {
    const service = new Service();
    runContext("r", () => service.agent("a").end());
    expect([service.bus.closeStream("r"), service.bus.closeStream("r", "failed")]).toEqual([true, false]);
    expect(service.fate("r")).toBe("completed");
  });

  it("is told once to taps", () => {
    const service = new Service();
    const heard = listen(service.bus);
    runContext("r", () => service.bus.emit("note"));
    service.bus.closeStream("r");
    service.bus.closeStream("r");
    expect(heard).toEqual(["opened r", "note", "closed r unknown"]);
  });

  it("of an id never seen is remembered: a later reader ends, later events are refused", async () => {
    const { bus } = new Service();
    expect(bus.closeStream("r", "cancelled")).toBe(true);
    expect(bus.runs()).toEqual([]);
    const reader = bus.subscribe("r");
    expect(await readAll(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "cancelled" });
    expect(bus.publish({ runId: "r", type: "note" })).toBeUndefined();
  });

  it("counts an invalid id and closes nothing", () => {
    const { bus } = new Service();
    expect(bus.closeStream("")).toBe(false);
    expect(bus.stats().refused).toBe(1);
  });

  it("takes in a span that started just before it", () => {
    const service = new Service();
    runContext("r", () => {
      service.agent("a");
      service.bus.closeStream("r");
    });
    expect(service.types("r")).toEqual(["agent.invocation.started", "agent.invocation.failed", "agent.terminate"]);
  });

  it("closes an unbound run before its time", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.closeStream(agent.spanContext().traceId, "cancelled");
    expect(service.fate(agent)).toBe("cancelled");
    expect(service.types(agent)).toContain("agent.invocation.failed");
  });

  it("called by a tap at the end of the agent keeps what belongs to that end", () => {
    const service = new Service();
    service.bus.tap((event) => {
      if (event.type === "agent.invocation.completed") service.bus.closeStream(event.runId);
    });
    const agent = service.agent("a");
    expect(() => agent.end()).not.toThrow();
    expect(service.info(agent)?.state).toBe("closed");
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, openSpans: 0 });
  });
});
