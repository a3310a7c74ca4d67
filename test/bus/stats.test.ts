import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { type BusStats, EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes, read, readOne, readWaiting, restoreAfterEach } from "./support.js";

restoreAfterEach();

const counters = [
  "published",
  "delivered",
  "dropped",
  "refused",
  "evictedRuns",
  "rejectedSubscribers",
  "abandonedSpans",
  "errors",
] as const;
const gauges = [
  "activeRuns",
  "retainedRuns",
  "historyEvents",
  "historyBytes",
  "runSubscribers",
  "globalSubscribers",
  "openSpans",
  "queuedEvents",
] as const;

describe("`stats()`", () => {
  it("of a new bus is all zero", () => {
    const { queueDepths, historyDepths, ...figures } = new EventBus().stats();
    expect(Object.keys(figures).sort()).toEqual([...counters, ...gauges].sort());
    expect(new Set(Object.values(figures))).toEqual(new Set([0]));
    expect(queueDepths).toEqual({ global: [], runs: {} });
    expect(historyDepths).toEqual({});
  });

  it("without depths has the figures alone", () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    bus.subscribe("run");
    expect(Object.keys(bus.stats({ depths: false })).sort()).toEqual([...counters, ...gauges].sort());
    expect(bus.stats({ depths: true })).toEqual(bus.stats());
  });

  it("counts the readers of runs and of all runs, and what waits for them", async () => {
    const bus = new EventBus();
    publishNotes(bus, "a", 1, 2);
    const ofA = [bus.subscribe("a"), bus.subscribe("a", { after: "live" })] as const;
    bus.subscribe("b");
    const all = bus.subscribeGlobal();
    publishNotes(bus, "a", 3, 4);
    await readOne(ofA[0]);
    await read(all, 2);
    expect(bus.stats()).toMatchObject({
      published: 4,
      delivered: 3,
      runSubscribers: 3,
      globalSubscribers: 1,
      queuedEvents: 5,
      queueDepths: { global: [0], runs: { a: [3, 2], b: [0] } },
    });
    ofA[0].close();
    ofA[1].close();
    expect(bus.stats()).toMatchObject({ runSubscribers: 1, queuedEvents: 0, queueDepths: { runs: { b: [0] } } });
    expect(Object.keys(bus.stats().queueDepths?.runs ?? {})).toEqual(["b"]);
  });

  it("counts a control event as delivered like any other, but never as published", async () => {
    const bus = new EventBus();
    const all = bus.subscribeGlobal();
    publishNote(bus, "run", 1);
    bus.closeStream("run");
    await readWaiting(all);
    expect(bus.stats()).toMatchObject({ published: 1, delivered: 3 });
  });

  it("counts runs that are open and runs of which events are kept", () => {
    const bus = new EventBus({ maxRuns: 2, historyPerRun: 3 });
    publishNotes(bus, "a", 1, 5);
    publishNotes(bus, "b", 1, 2);
    bus.closeStream("b");
    expect(bus.stats()).toMatchObject({
      activeRuns: 1,
      retainedRuns: 2,
      historyEvents: 5,
      evictedRuns: 0,
      historyDepths: { a: 3, b: 2 },
    });
    publishNote(bus, "c", 1);
    expect(bus.stats()).toMatchObject({
      activeRuns: 2,
      retainedRuns: 2,
      historyEvents: 4,
      evictedRuns: 1,
      historyDepths: { a: 3, c: 1 },
    });
    bus.dropHistory("a");
    expect(bus.stats()).toMatchObject({ activeRuns: 1, retainedRuns: 1, historyEvents: 1, evictedRuns: 1 });
  });

  it("counts open spans, and spans that were given up", () => {
    const bus = new EventBus();
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("test");
    const spans = ["one", "two"].map((name) =>
      tracer.startSpan(name, { attributes: { "gen_ai.operation.name": "chat" } }),
    );
    expect(bus.stats()).toMatchObject({ openSpans: 2, abandonedSpans: 0, activeRuns: 2 });
    spans[0]?.end();
    expect(bus.stats().openSpans).toBe(1);
    for (const { runId } of bus.runs()) bus.closeStream(runId);
    expect(bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: 1, activeRuns: 0 });
    spans[1]?.end();
    expect(bus.stats().refused, "a later end only counts").toBe(1);
  });

  it("holds run ids that are names of everything in JavaScript", () => {
    const bus = new EventBus();
    for (const runId of ["__proto__", "constructor", "toString"]) {
      publishNote(bus, runId, 1);
      bus.subscribe(runId);
    }
    const { historyDepths, queueDepths } = bus.stats();
    expect(Object.keys(historyDepths ?? {}).sort()).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.keys(queueDepths?.runs ?? {}).sort()).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(historyDepths)).toBeNull();
    expect(Object.getPrototypeOf(queueDepths?.runs)).toBeNull();
    expect(historyDepths?.["toString"]).toBe(1);
  });

  it("is a snapshot, and changes nothing by being asked for", () => {
    const bus = new EventBus();
    const before: BusStats = bus.stats();
    publishNote(bus, "run", 1);
    expect(before.published).toBe(0);
    for (const _ of Array(10)) bus.stats();
    expect(bus.stats()).toMatchObject({ published: 1, delivered: 0, refused: 0 });
  });

  it("never counts backwards, whatever happens", async () => {
    const bus = new EventBus({ maxQueueSize: 2, maxRuns: 2, historyPerRun: 2, maxGlobalSubscribers: 1 });
    const acts: (() => unknown)[] = [
      () => bus.subscribe("a"),
      () => bus.subscribeGlobal(),
      () => publishNotes(bus, "a", 1, 9),
      () => publishNotes(bus, "b", 1, 9),
      () => expect(() => bus.subscribeGlobal()).toThrow(),
      () => readWaiting(bus.subscribe("b")),
      () => publishNotes(bus, "c", 1, 9),
      () => bus.closeStream("a"),
      () => bus.publish({ runId: "a", type: "note" }),
      () => bus.dropHistory("b"),
      () => bus.closeGlobal(),
      () => bus.shutdown(),
    ];
    let before = bus.stats();
    for (const act of acts) {
      await act();
      const after = bus.stats();
      for (const name of counters) expect(after[name], name).toBeGreaterThanOrEqual(before[name]);
      for (const name of gauges) expect(after[name], name).toBeGreaterThanOrEqual(0);
      before = after;
    }
    expect(before).toMatchObject({ published: 27, refused: 1, rejectedSubscribers: 1, activeRuns: 0 });
  });

  it("with details splits the figures, and the parts are the whole", async () => {
    const bus = new EventBus({ maxQueueSize: 4, maxGlobalSubscribers: 1, maxRunSubscribers: 2 });
    bus.subscribe("a");
    bus.subscribe("a", { where: () => bus.publish({ runId: "a", type: "nested" }) === undefined });
    bus.subscribeGlobal();
    expect(() => bus.subscribeGlobal()).toThrow();
    expect(() => bus.subscribe("a")).toThrow();
    publishNotes(bus, "a", 1, 6);
    bus.publish({ runId: "a", type: "" });
    bus.closeStream("a");
    bus.publish({ runId: "a", type: "note" });
    publishNotes(bus, "b", 1, 2);
    const { details, ...figures } = bus.stats({ depths: false, details: true });
    expect(details).toEqual({
      dropped: { run: { lagged: 4 }, global: { lagged: 7 } },
      refused: { invalid: 1, sealed: 1, withheld: 0, nested: 6, unkeyed: 0, ended: 0, shutdown: 0 },
      rejectedSubscribers: { run: 1, global: 1 },
      queuedEvents: { run: 8, global: 4 },
      queueCapacity: { run: 8, global: 4 },
      queueUtilization: { run: 1, global: 1 },
      closedRuns: 1,
    });
    expect(figures).toMatchObject({ dropped: 11, refused: 8, rejectedSubscribers: 2, queuedEvents: 12 });
    await bus.shutdown();
    bus.publish({ runId: "c", type: "note" });
    expect(bus.stats({ details: true }).details).toMatchObject({ refused: { shutdown: 1 }, closedRuns: 2 });
  });

  it("does not count replay as a filling queue", () => {
    const bus = new EventBus({ maxQueueSize: 4 });
    publishNotes(bus, "a", 1, 9);
    bus.subscribe("a");
    publishNotes(bus, "a", 10);
    expect(bus.stats({ details: true }).details).toMatchObject({
      queuedEvents: { run: 10 },
      queueUtilization: { run: 0.25 },
    });
  });

  it("says which option was wrong", () => {
    expect(() => new EventBus().stats({ details: 1 as never })).toThrow("`details` must be true or false, got 1");
  });
});
