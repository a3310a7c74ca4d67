import { EventBus } from "spanbus";
import { afterEach, describe, expect, it, vi } from "vitest";
import { publishNote, readToEnd, restoreAfterEach, shown } from "../bus/support.js";
import { Service, withContextManager } from "../otel/support.js";

withContextManager();
restoreAfterEach();
afterEach(() => vi.restoreAllMocks());

const HOUR = 3_600_000;

/** The wall clock, as if somebody set it. */
function setWallClock(offset: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => real() + offset);
}

/** The clock that should never go back, as if it did. */
function setMonotonicClock(offset: number): void {
  const real = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => real() + offset);
}

describe("a clock that is set back by an hour", () => {
  it("changes no order: events by seq, runs by what came last", async () => {
    const bus = new EventBus();
    publishNote(bus, "first", 1);
    publishNote(bus, "second", 1);
    setWallClock(-HOUR);
    const late = publishNote(bus, "first", 2);
    expect(late.time).toBeLessThan(Date.now() + HOUR / 2);
    expect(bus.history("first").map(({ seq }) => seq)).toEqual([1, 2]);
    expect(bus.runs().map(({ runId }) => runId)).toEqual(["first", "second"]);
    bus.closeStream("first");
    expect(shown(await readToEnd(bus.subscribe("first")))).toEqual([1, 2]);
  });

  it.each([
    ["the wall clock", setWallClock],
    ["the monotonic clock", setMonotonicClock],
  ])("within a span gives no duration below nothing: %s", (_, set) => {
    const service = new Service();
    const agent = service.agent("a");
    const tool = service.tool("t", { under: agent });
    set(-HOUR);
    tool.end();
    agent.end();
    const durations = service.history(agent).flatMap(({ data }) => {
      const { durationMillis } = data as unknown as { durationMillis?: number };
      return durationMillis ?? [];
    });
    expect(durations.length).toBeGreaterThan(1);
    for (const millis of durations) expect(millis).toBeGreaterThanOrEqual(0);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, errors: 0 });
  });

  it("and is monotonic ends no reader early, and every reader in the end", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 50 });
    publishNote(bus, "run", 1);
    setMonotonicClock(-HOUR);
    publishNote(bus, "run", 2);
    expect(shown(await readToEnd(reader))).toEqual([1, 2]);
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(bus.stats().runSubscribers).toBe(0);
  });
});

describe("a clock that is set ahead by an hour", () => {
  it("ends no run as idle", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    setWallClock(HOUR);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(bus.runs()[0]?.state).toBe("open");
    publishNote(bus, "run", 2);
    expect(bus.runs()[0]?.state).toBe("open");
  });
});
