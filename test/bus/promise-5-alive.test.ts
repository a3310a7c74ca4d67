import type { Span } from "@opentelemetry/api";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Service, traceIdOf } from "../otel/support.js";
import { publishNote } from "./support.js";

/** Timers that hold the process open. */
function holding(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

const services: Service[] = [];
afterEach(async () => {
  for (const { bus } of services.splice(0)) await bus.shutdown();
});

function makeService(): Service {
  const service = new Service({ closeGraceMillis: 60_000 });
  services.push(service);
  return service;
}

/** An agent and a model call in it, which is over last. */
function callInside(service: Service): { agent: Span; call: Span; runId: string } {
  const agent = service.agent("agent", { root: true });
  return { agent, call: service.model({ under: agent }), runId: traceIdOf(agent) };
}

/** A run whose close is pending: its root is over, a span in it is not. */
function pendingRun(service: Service): string {
  const { agent, runId } = callInside(service);
  agent.end();
  expect(service.fate(runId)).toBe("open");
  return runId;
}

describe("the timer of a bus", () => {
  it("holds no process open for readers, open runs, chunks and their time limits", () => {
    const service = makeService();
    const { bus } = service;
    const before = holding();
    publishNote(bus, "run", 1);
    expect(holding()).toBe(before);
    bus.subscribe("run", { idleTimeoutMillis: 1000 });
    bus.subscribeGlobal({ idleTimeoutMillis: 500 });
    bus.publish({ runId: "run", type: "agent.model.chunk", spanId: "span", data: { text: "x" } });
    expect(holding()).toBe(before);
    pendingRun(service);
    expect(holding()).toBe(before);
  });

  it("holds it open while a close is pending on a run that has a reader", () => {
    const service = makeService();
    const { bus } = service;
    const runId = pendingRun(service);
    const before = holding();
    const one = bus.subscribe(runId);
    expect(holding()).toBe(before + 1);
    const other = bus.subscribe(runId);
    one.close();
    expect(holding(), "one of two has left").toBe(before + 1);
    other.close();
    expect(holding(), "all have left").toBe(before);
    bus.subscribe(runId);
    expect(holding(), "one came again").toBe(before + 1);
    bus.closeStream(runId);
    expect(holding(), "the run is closed").toBe(before);
  });

  it("holds it open also when it is set anew for something nearer, and as long as one of several runs needs it", () => {
    const service = makeService();
    const { bus } = service;
    const runs = [pendingRun(service), pendingRun(service)];
    const before = holding();
    const readers = runs.map((runId) => bus.subscribe(runId));
    bus.subscribe("another", { idleTimeoutMillis: 1000 });
    expect(holding()).toBe(before + 1);
    readers[0]?.close();
    expect(holding()).toBe(before + 1);
    readers[1]?.close();
    expect(holding()).toBe(before);
    bus.subscribe("another", { idleTimeoutMillis: 500 });
    expect(holding()).toBe(before);
  });

  it("may be a number, as it is outside Node", () => {
    const setTimer = globalThis.setTimeout;
    vi.stubGlobal("setTimeout", (call: () => void, millis: number) => Number(setTimer(call, millis).unref()));
    const service = makeService();
    const reader = service.bus.subscribe(pendingRun(service));
    reader.close();
    expect(service.bus.stats()).toMatchObject({ errors: 0, runSubscribers: 0 });
    vi.unstubAllGlobals();
  });

  it("holds it open when the close becomes pending while a reader is there", () => {
    const service = makeService();
    const before = holding();
    const { agent, call, runId } = callInside(service);
    service.bus.subscribe(runId);
    expect(holding()).toBe(before);
    agent.end();
    expect(holding()).toBe(before + 1);
    call.end();
    expect(holding()).toBe(before);
  });
});
