import { type BusEvent, EventBus, type SubscribeOptions, type Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  publishNote,
  publishNotes,
  range,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
} from "./support.js";

restoreAfterEach();

/** How many jobs `act` puts into the microtask queue by itself. */
function jobsQueuedBy(act: () => void): number {
  let jobs = 0;
  const counted = [
    [Promise.prototype, "then"],
    [globalThis, "queueMicrotask"],
  ] as const;
  const restore = counted.map(([owner, name]) => {
    const original = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor;
    const value = function (this: unknown, ...given: unknown[]): unknown {
      jobs += 1;
      return original.value.apply(this, given);
    };
    Object.defineProperty(owner, name, { ...original, value });
    return () => Object.defineProperty(owner, name, original);
  });
  try {
    act();
  } finally {
    for (const each of restore) each();
  }
  return jobs;
}

function waitingReaders(bus: EventBus, count: number, options: SubscribeOptions = {}): Subscription[] {
  return range(1, count).map(() => {
    const reader = bus.subscribe("run", options);
    reader.next();
    return reader;
  });
}

describe("a publish schedules", () => {
  it.each([1, 10, 5000])("one wake-up for %i waiting readers", async (count) => {
    const bus = new EventBus();
    publishNote(bus, "run", 0);
    const readers = waitingReaders(bus, count, { after: "live" });
    expect(jobsQueuedBy(() => publishNote(bus, "run", 1))).toBe(1);
    await settle();
    expect(bus.stats().delivered).toBe(count);
    for (const reader of readers) reader.close();
  });

  it("one wake-up for many events in a row", () => {
    const bus = new EventBus();
    waitingReaders(bus, 100);
    expect(jobsQueuedBy(() => void publishNotes(bus, "run", 1, 50))).toBe(1);
  });

  it("nothing for readers who sleep, however many", () => {
    const bus = new EventBus();
    for (const _ of range(1, 1000)) bus.subscribe("run");
    expect(jobsQueuedBy(() => publishNote(bus, "run", 1))).toBe(0);
    expect(jobsQueuedBy(() => void publishNotes(bus, "run", 2, 2000))).toBe(0);
  });

  it("nothing for readers who waited once and sleep now", async () => {
    const bus = new EventBus();
    waitingReaders(bus, 10);
    publishNote(bus, "run", 1);
    await settle();
    expect(jobsQueuedBy(() => publishNote(bus, "run", 2))).toBe(0);
  });

  it("one wake-up for each distinct set of types, in whatever order it is written", () => {
    const bus = new EventBus();
    waitingReaders(bus, 50, { types: ["note", "agent.*"] });
    waitingReaders(bus, 50, { types: ["agent.*", "note"] });
    waitingReaders(bus, 50, { types: ["agent.*", "note", "note"] });
    expect(jobsQueuedBy(() => publishNote(bus, "run", 1))).toBe(1);
    waitingReaders(bus, 50, { types: ["note"] });
    waitingReaders(bus, 50, { types: ["other"] });
    const again = new EventBus();
    waitingReaders(again, 50, { types: ["note"] });
    waitingReaders(again, 50, { types: ["other"] });
    waitingReaders(again, 50);
    expect(
      jobsQueuedBy(() => publishNote(again, "run", 1)),
      "and none for who did not ask for it",
    ).toBe(2);
  });
});

describe("`where`", () => {
  it("is asked once per event and reader, however often the reader looks", async () => {
    const bus = new EventBus({ maxQueueSize: 5 });
    publishNotes(bus, "run", 1, 3);
    const asked: BusEvent[] = [];
    const where = (event: BusEvent): boolean => asked.push(event) > 0;
    const reader = bus.subscribe("run", { where });
    publishNotes(bus, "run", 4, 20);
    await readWaiting(reader);
    expect(shown(asked)).toEqual(range(1, 20));
  });

  it("is not asked about types its reader did not ask for, nor after the reader left", () => {
    const bus = new EventBus();
    let asked = 0;
    const where = (): boolean => {
      asked += 1;
      return true;
    };
    const reader = bus.subscribe("run", { where, types: ["wanted"] });
    publishNote(bus, "run", 1, "other");
    expect(asked).toBe(0);
    publishNote(bus, "run", 2, "wanted");
    expect(asked).toBe(1);
    reader.close();
    publishNote(bus, "run", 3, "wanted");
    expect(asked).toBe(1);
  });

  it("of one reader costs readers without one nothing: they share their log", () => {
    const bus = new EventBus({ maxQueueSize: 3 });
    const picky = bus.subscribe("run", { where: ({ seq }) => seq === 1 });
    const others = range(1, 5).map(() => bus.subscribe("run"));
    publishNotes(bus, "run", 1, 10);
    expect(picky).toMatchObject({ size: 1, dropped: 0 });
    for (const reader of others) expect(reader).toMatchObject({ size: 3, dropped: 7 });
  });
});

describe("a stream that nobody reads", () => {
  it("holds nothing: readers who come later start where it is", () => {
    const bus = new EventBus();
    bus.subscribeGlobal().close();
    publishNotes(bus, "run", 1, 10);
    expect(bus.subscribeGlobal().size).toBe(0);
    expect(bus.stats().queuedEvents).toBe(0);
  });
});

describe("ten thousand readers of one run", () => {
  it("all get every event, and all end", async () => {
    const bus = new EventBus();
    const readers = range(1, 10_000).map(() => bus.subscribe("run"));
    const reading = Promise.all(readers.map(readToEnd));
    publishNotes(bus, "run", 1, 3);
    await settle();
    publishNotes(bus, "run", 4, 5);
    bus.closeStream("run");
    const all = await reading;
    expect(all.every((events) => events.length === 5)).toBe(true);
    expect(bus.stats()).toMatchObject({ delivered: 50_000, dropped: 0, runSubscribers: 0 });
  });
});
