import { type BusEvent, EventBus, type SubscribeOptions, type Subscription } from "spanbus";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { publishNote, restoreAfterEach, settle, stopTheClock } from "../bus/support.js";
import { collectGarbage, isCollected } from "./garbage.js";

restoreAfterEach();
beforeEach(stopTheClock);

const unreadTimeoutMillis = 1000;
const living = new AbortController();

/** Ways to come and to be forgotten: without `return()`, by code that has lost the reader. */
const ways: readonly [string, SubscribeOptions, (reader: Subscription) => void][] = [
  ["never read", {}, () => {}],
  ["read once", {}, (reader) => void reader.next()],
  ["with types", { types: ["note"] }, () => {}],
  ["with `where`", { where: () => true }, () => {}],
  ["on a signal that lives on", { signal: living.signal }, () => {}],
  ["whose `ended` is awaited", {}, (reader) => void reader.ended.then(() => {})],
  [
    "whose last `next()` nobody awaits",
    {},
    (reader) => void Promise.all([reader.next(), reader.next(), reader.next()]),
  ],
  ["left in the middle of its batches", {}, (reader) => void reader.batches().next()],
];

interface Forgotten {
  readonly reader: WeakRef<Subscription>;
  /** What came before it, and what came after it. */
  readonly events: readonly WeakRef<BusEvent>[];
}

/** Comes, is forgotten, and then something is published that nobody takes. */
async function forget(bus: EventBus, options: SubscribeOptions, leave: (reader: Subscription) => void) {
  const events = [publishNote(bus, "run", 1), publishNote(bus, "run", 2)];
  const reader = bus.subscribe("run", options);
  leave(reader);
  await settle();
  for (const n of [3, 4, 5, 6]) events.push(publishNote(bus, "run", n));
  return { reader: new WeakRef(reader), events: events.map((event) => new WeakRef(event)) } satisfies Forgotten;
}

/** Nothing of the run is left but its identity: newer runs have taken its place. */
function crowdOut(bus: EventBus): void {
  bus.closeStream("run");
  for (const runId of ["b", "c"]) publishNote(bus, runId, 1);
}

describe("a reader that was forgotten while something waits", { timeout: 30_000 }, () => {
  it.each(ways)(
    "is let go after `unreadTimeoutMillis`, with its run and its events: one %s",
    async (_, options, leave) => {
      const bus = new EventBus({ unreadTimeoutMillis, maxRuns: 2 });
      const { reader, events } = await forget(bus, options, leave);
      expect(bus.stats().runSubscribers).toBe(1);
      vi.advanceTimersByTime(2 * unreadTimeoutMillis);
      expect(bus.stats()).toMatchObject({ runSubscribers: 0, queuedEvents: 0 });
      expect(await isCollected(reader), "the reader").toBe(true);
      crowdOut(bus);
      for (const [index, event] of events.entries()) expect(await isCollected(event), `event ${index + 1}`).toBe(true);
    },
  );

  it("keeps its run till then: it is evicted last, and what waits for the reader is there", async () => {
    const bus = new EventBus({ unreadTimeoutMillis, maxRuns: 2 });
    const { reader, events } = await forget(bus, {}, () => {});
    crowdOut(bus);
    await collectGarbage();
    expect(reader.deref()?.size).toBe(6);
    expect(events.every((event) => event.deref() !== undefined)).toBe(true);
  });

  it("lets go of a closed run as well, however long nothing happens on the bus", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const { reader } = await forget(bus, {}, () => {});
    bus.closeStream("run");
    vi.advanceTimersByTime(unreadTimeoutMillis);
    expect(await isCollected(reader)).toBe(true);
  });

  it("of all runs gives its place back", async () => {
    const bus = new EventBus({ unreadTimeoutMillis, maxGlobalSubscribers: 1, historyPerRun: 1 });
    const comeAndGo = (): Forgotten => {
      const reader = bus.subscribeGlobal({ where: () => true });
      const events = [publishNote(bus, "run", 1), publishNote(bus, "run", 2)];
      return { reader: new WeakRef(reader), events: events.map((event) => new WeakRef(event)) };
    };
    const { reader, events } = comeAndGo();
    publishNote(bus, "run", 3);
    expect(() => bus.subscribeGlobal()).toThrow("maxGlobalSubscribers");
    vi.advanceTimersByTime(2 * unreadTimeoutMillis);
    for (const gone of [reader, ...events]) expect(await isCollected(gone)).toBe(true);
    bus.subscribeGlobal().close();
  });
});

describe("a reader that was forgotten while nothing waits", { timeout: 30_000 }, () => {
  const comeAndGo = (bus: EventBus, options?: SubscribeOptions): WeakRef<Subscription> =>
    new WeakRef(bus.subscribe("run", options));

  it("is let go at once when its run closes", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = comeAndGo(bus, { after: "live" });
    vi.advanceTimersByTime(600_000);
    await collectGarbage();
    expect(reader.deref(), "it may still be read").toBeDefined();
    bus.closeStream("run");
    await settle();
    expect(bus.stats().runSubscribers).toBe(0);
    expect(await isCollected(reader)).toBe(true);
  });

  it("is let go when its run is closed as idle: so none holds a run that began for ever", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 5000 });
    publishNote(bus, "run", 1);
    const reader = comeAndGo(bus, { after: "live" });
    vi.advanceTimersByTime(5000);
    await settle();
    expect(bus.runInfo("run")?.outcome).toBe("idle");
    expect(await isCollected(reader)).toBe(true);
  });

  it("waits for a run that never begins, until it is closed, or its own time is over", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 5000, unreadTimeoutMillis });
    const [patient, impatient] = [comeAndGo(bus), comeAndGo(bus, { idleTimeoutMillis: 3000 })];
    vi.advanceTimersByTime(3000);
    expect(await isCollected(impatient)).toBe(true);
    vi.advanceTimersByTime(86_400_000);
    expect(bus.stats().runSubscribers).toBe(1);
    bus.closeStream("run");
    await settle();
    expect(bus.stats().runSubscribers).toBe(0);
    expect(await isCollected(patient)).toBe(true);
  });

  it("of all runs waits as long as nothing is published, and is let go once something was", async () => {
    const bus = new EventBus({ unreadTimeoutMillis });
    const reader = new WeakRef(bus.subscribeGlobal());
    vi.advanceTimersByTime(86_400_000);
    expect(bus.stats().globalSubscribers).toBe(1);
    publishNote(bus, "run", 1);
    vi.advanceTimersByTime(2 * unreadTimeoutMillis);
    expect(bus.stats().globalSubscribers).toBe(0);
    expect(await isCollected(reader)).toBe(true);
  });

  it("is let go when the bus is shut down, and so is the bus", async () => {
    const use = () => {
      const bus = new EventBus();
      const gone = [new WeakRef(bus), comeAndGo(bus), new WeakRef(bus.subscribeGlobal())];
      bus.shutdown();
      return gone;
    };
    for (const gone of use()) expect(await isCollected(gone)).toBe(true);
  });
});
