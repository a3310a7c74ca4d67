import { EventBus, type EventBusOptions } from "spanbus";
import { afterEach, describe, expect, it } from "vitest";
import { publishNote, publishNotes } from "../bus/support.js";

const buses: EventBus[] = [];
afterEach(() => {
  for (const bus of buses.splice(0)) void bus.shutdown();
});

function busOf(options: EventBusOptions = {}): EventBus {
  const bus = new EventBus(options);
  buses.push(bus);
  return bus;
}

describe("a bus that was told nothing", () => {
  it("keeps 500 events of a run, of 200 runs", () => {
    const bus = busOf();
    publishNotes(bus, "run", 1, 600);
    expect(bus.history("run")).toHaveLength(500);
    for (let n = 0; n < 300; n += 1) publishNote(bus, `run ${n}`, n);
    expect(bus.stats()).toMatchObject({ retainedRuns: 200, historyEvents: 200 });
  });

  it("keeps 64 MiB of history, and of an event 32 KiB", () => {
    const bus = busOf();
    const data = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`text ${n}`, "x".repeat(100_000)]));
    for (let n = 0; n < 2500; n += 1) bus.publish({ runId: `run ${n % 20}`, type: "note", data });
    const { historyBytes, historyEvents } = bus.stats();
    expect(historyBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(historyBytes).toBeGreaterThan(60 * 1024 * 1024);
    expect(historyBytes / historyEvents).toBeLessThanOrEqual(32 * 1024);
    const [event] = bus.history("run 0", { limit: 1 });
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(32 * 1024);
  });

  it("lets 1024 events wait for a reader, of which there are 10 000 of runs and 50 of all runs", () => {
    const bus = busOf();
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 1100);
    expect(reader).toMatchObject({ size: 1024, dropped: 76 });
    for (let n = 1; n < 10_000; n += 1) bus.subscribe("run");
    expect(() => bus.subscribe("run")).toThrow("`maxRunSubscribers` allows 10000 readers");
    for (let n = 0; n < 50; n += 1) bus.subscribeGlobal();
    expect(() => bus.subscribeGlobal()).toThrow("`maxGlobalSubscribers` allows 50 readers");
  });

  it("lets 10 000 runs be open", () => {
    const bus = busOf();
    for (let n = 0; n < 10_100; n += 1) publishNote(bus, `run ${n}`, n);
    expect(bus.stats().activeRuns).toBe(10_000);
  });
});

it.each([
  "historyPerRun",
  "maxRuns",
  "maxHistoryBytes",
  "maxQueueSize",
  "maxRunSubscribers",
  "maxGlobalSubscribers",
  "maxOpenRuns",
  "maxOpenSpans",
  "maxPreviewLength",
  "closeGraceMillis",
  "idleTimeoutMillis",
  "unreadTimeoutMillis",
])("the limit `%s` cannot be removed", (name) => {
  for (const none of [Number.POSITIVE_INFINITY, 0, -1, "none"])
    expect(() => new EventBus({ [name]: none })).toThrow(`\`${name}\` must be`);
});
