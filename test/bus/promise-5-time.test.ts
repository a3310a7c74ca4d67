import { EventBus } from "spanbus";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  Dice,
  isSettled,
  publishNote,
  publishNotes,
  range,
  readOne,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
  stopTheClock,
} from "./support.js";

restoreAfterEach();
beforeEach(stopTheClock);

function pass(millis: number): void {
  vi.advanceTimersByTime(millis);
}

describe("a reader with `idleTimeoutMillis`", () => {
  it("ends as idle when nothing was delivered for so long, to the millisecond", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 1000 });
    const waiting = reader.next();
    pass(999);
    expect(await isSettled(waiting)).toBe(false);
    pass(1);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("starts anew with every event it is given", async () => {
    const bus = new EventBus();
    const reader = bus.subscribeGlobal({ idleTimeoutMillis: 1000, types: ["note"] });
    for (const n of range(1, 5)) {
      const next = reader.next();
      pass(900);
      publishNote(bus, "run", n);
      expect((await next).done).toBe(false);
    }
    pass(999);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
  });

  it("ends also when events wait that nobody takes: those were not delivered", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 1000 });
    pass(500);
    publishNote(bus, "run", 1);
    pass(500);
    expect(await reader.ended).toEqual({ reason: "idle" });
  });

  it("that has left is not ended a second time", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 1000 });
    reader.close();
    pass(5000);
    expect(await reader.ended).toEqual({ reason: "returned" });
  });
});

describe("a reader that leaves its events unread", () => {
  const unreadTimeoutMillis = 1000;

  it.each([0, 1, 300, 999, 1000, 1001, 2500])(
    "and never read any ends exactly one period after the first, published %i ms after it attached",
    async (delay) => {
      const bus = new EventBus({ unreadTimeoutMillis });
      const reader = bus.subscribe("run");
      pass(delay);
      publishNote(bus, "run", 1);
      pass(400);
      publishNote(bus, "run", 2);
      pass(599);
      expect(await isSettled(reader.ended)).toBe(false);
      pass(1);
      expect(await reader.ended).toEqual({ reason: "idle" });
      expect(bus.stats()).toMatchObject({ runSubscribers: 0, queuedEvents: 0 });
    },
  );

  it("ends on a clock with fractions, too, where a sum less what was added is not always what it was", async () => {
    const moment = range(1, 1000)
      .map((n) => n / 7)
      .find((each) => each + unreadTimeoutMillis - each < unreadTimeoutMillis);
    if (moment === undefined) return expect.fail("no such moment");
    const clock = vi.spyOn(performance, "now").mockReturnValue(moment);
    const bus = new EventBus({ unreadTimeoutMillis });
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run");
    clock.mockReturnValue(moment + unreadTimeoutMillis);
    pass(unreadTimeoutMillis);
    expect(await reader.ended).toEqual({ reason: "idle" });
    clock.mockRestore();
  });

  it("and got a replay ends exactly one period after it attached", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    publishNote(bus, "run", 1);
    pass(5000);
    const reader = bus.subscribe("run");
    const resumed = bus.subscribe("run", { after: "elsewhere.1" });
    pass(999);
    expect(bus.stats().runSubscribers).toBe(2);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(await resumed.ended).toEqual({ reason: "idle" });
  });

  it("ends although nothing but a gap waits for it", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const reader = bus.subscribe("run", { after: "elsewhere.1" });
    pass(999);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
  });

  it("and got a replay, or a gap, ends so also when more came meanwhile", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    publishNote(bus, "run", 1);
    const replayed = bus.subscribe("run");
    const warned = bus.subscribe("another", { after: "elsewhere.1" });
    const late = bus.subscribe("run", { after: "live" });
    pass(500);
    publishNote(bus, "run", 2);
    publishNote(bus, "another", 1);
    pass(499);
    expect(bus.stats().runSubscribers).toBe(3);
    pass(1);
    expect(await isSettled(replayed.ended)).toBe(true);
    expect(await isSettled(warned.ended)).toBe(true);
    pass(499);
    expect(await isSettled(late.ended)).toBe(false);
    pass(1);
    expect(await isSettled(late.ended)).toBe(true);
  });

  it("ends so, too, when it lost the first of them meanwhile", async () => {
    const bus = new EventBus({ unreadTimeoutMillis, maxQueueSize: 3 });
    const reader = bus.subscribe("run");
    for (const n of range(1, 99)) {
      publishNote(bus, "run", n);
      pass(10);
    }
    pass(9);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(1);
    expect(await isSettled(reader.ended)).toBe(true);
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(reader.dropped).toBe(96);
  });

  it.each([1, 10, 500, 990])("after it read some, %i ms in, ends between one and two periods later", async (millis) => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 3);
    pass(millis);
    await readOne(reader);
    pass(999);
    expect(await isSettled(reader.ended), "never early").toBe(false);
    pass(1001);
    expect(await reader.ended).toEqual({ reason: "idle" });
  });

  it("stays as long as it reads now and then", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 20);
    for (const n of range(1, 20)) {
      pass(950);
      expect(shown([await readOne(reader)])).toEqual([n]);
    }
    reader.close();
  });

  it("is not one that waits, or that has read everything", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const waiting = bus.subscribe("run");
    const next = waiting.next();
    const done = bus.subscribe("run");
    const filtered = bus.subscribe("run", { types: ["other"] });
    publishNote(bus, "run", 1);
    await next;
    await readWaiting(done);
    const again = waiting.next();
    pass(10 * unreadTimeoutMillis);
    expect(bus.stats().runSubscribers).toBe(3);
    publishNote(bus, "run", 2);
    expect((await again).done).toBe(false);
    expect(shown(await readWaiting(done))).toEqual([2]);
    expect(filtered.size).toBe(0);
  });

  it("is released also while it drains a closed run", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run");
    const reader = bus.subscribe("run");
    pass(unreadTimeoutMillis);
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("of all runs makes room for others", async () => {
    const bus = new EventBus({ unreadTimeoutMillis, maxGlobalSubscribers: 1 });
    bus.subscribeGlobal();
    publishNote(bus, "run", 1);
    pass(unreadTimeoutMillis);
    expect(() => bus.subscribeGlobal()).not.toThrow();
  });
});

describe("a run without events for `idleTimeoutMillis`", () => {
  it("is closed as idle, to the millisecond", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 1000 });
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 1);
    await readOne(reader);
    pass(999);
    expect(bus.stats().activeRuns).toBe(1);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "idle" });
    expect(bus.runs()).toMatchObject([{ runId: "run", state: "closed", outcome: "idle" }]);
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
  });

  it("is never one that keeps talking, also if nothing of it is kept", () => {
    const bus = new EventBus({ idleTimeoutMillis: 1000, transient: ["blip"] });
    for (const n of range(1, 50)) {
      publishNote(bus, "run", n, n === 1 ? "note" : "blip");
      pass(999);
    }
    expect(bus.stats().activeRuns).toBe(1);
    pass(1);
    expect(bus.stats().activeRuns).toBe(0);
  });

  it("does not count the wait of readers for a run that has not begun", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 1000 });
    const reader = bus.subscribe("run");
    pass(5000);
    expect(await isSettled(reader.ended)).toBe(false);
    publishNote(bus, "run", 1);
    pass(999);
    expect(bus.stats().activeRuns).toBe(1);
    expect(shown(await readWaiting(reader))).toEqual([1]);
  });
});

describe("the timer of the bus", () => {
  it("is one, however many runs, readers and chunks it keeps time for", () => {
    const before = vi.getTimerCount();
    const bus = new EventBus();
    for (const n of range(1, 50)) {
      publishNote(bus, `run-${n}`, n);
      bus.subscribe(`run-${n}`, { idleTimeoutMillis: n });
      bus.subscribe(`run-${n}`);
      const data = { text: "x" };
      bus.publish({ runId: `run-${n}`, type: "agent.model.chunk", spanId: "span", data });
      expect(vi.getTimerCount() - before).toBe(1);
    }
  });

  it.each(range(1, 5))("keeps many times, in whatever order they are set and given up (seed %i)", async (seed) => {
    const dice = new Dice(seed);
    const bus = new EventBus();
    const readers = range(1, 40).map((n) => {
      const due = dice.from(1, 60);
      return { n, due, leaves: dice.from(1, 120), reader: bus.subscribe("run", { idleTimeoutMillis: due }) };
    });
    const over = new Set<number>();
    for (const { n, reader } of readers) reader.ended.then(() => over.add(n));
    for (const millis of range(1, 60)) {
      pass(1);
      for (const { leaves, reader } of readers) if (leaves === millis) reader.close();
      await settle();
      const due = readers.filter((each) => Math.min(each.due, each.leaves) <= millis);
      expect(over, `after ${millis} ms`).toEqual(new Set(due.map(({ n }) => n)));
    }
  });

  it.each([
    [50, 0],
    [51, 20],
  ])("that comes %i ms late gives the loop %i ms to look at what came meanwhile", async (late, millis) => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 1000 });
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + late);
    pass(999);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(millis);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
    clock.mockRestore();
  });

  it("that comes late ends no reader to whom something came meanwhile", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { idleTimeoutMillis: 1000 });
    const next = reader.next();
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 500);
    pass(1000);
    publishNote(bus, "run", 1);
    await next;
    pass(999);
    expect(await isSettled(reader.ended)).toBe(false);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
    clock.mockRestore();
  });

  it("is gone when there is nothing to keep time for", async () => {
    const before = vi.getTimerCount();
    const bus = new EventBus();
    const readers = range(1, 10).map((n) => bus.subscribe(`run-${n % 3}`, { idleTimeoutMillis: 1000 * n }));
    publishNotes(bus, "run-1", 1, 3);
    for (const reader of readers) reader.close();
    bus.closeStream("run-1");
    expect(vi.getTimerCount()).toBe(before);
    publishNote(bus, "another", 1);
    const late = bus.subscribe("another");
    await bus.shutdown();
    await readWaiting(late);
    expect(vi.getTimerCount()).toBe(before);
  });

  it("keeps times that are longer than a timer can run", async () => {
    const year = 365 * 24 * 3_600_000;
    const bus = new EventBus({ idleTimeoutMillis: year, unreadTimeoutMillis: year });
    const reader = bus.subscribe("run", { idleTimeoutMillis: year });
    publishNote(bus, "run", 1);
    pass(year - 1);
    expect(await isSettled(reader.ended)).toBe(false);
    expect(bus.stats().activeRuns).toBe(1);
    pass(1);
    expect(await reader.ended).toEqual({ reason: "idle" });
    expect(bus.stats().activeRuns).toBe(0);
  });

  it("does not move when the wall clock is set", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 1000 });
    publishNote(bus, "run", 1);
    vi.setSystemTime(Date.now() + 3_600_000);
    publishNote(bus, "other", 1);
    pass(999);
    expect(bus.stats().activeRuns).toBe(2);
  });
});
