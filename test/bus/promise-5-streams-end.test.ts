import { getEventListeners } from "node:events";
import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  isOfType,
  isSettled,
  publishNote,
  publishNotes,
  range,
  readOne,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
  taken,
} from "./support.js";

restoreAfterEach();

const kinds: Record<string, (bus: EventBus, signal?: AbortSignal) => Subscription> = {
  "of a run": (bus, signal) => bus.subscribe("run", signal ? { signal } : {}),
  "of some types of a run": (bus, signal) => bus.subscribe("run", { types: ["note"], ...(signal && { signal }) }),
  "of all runs": (bus, signal) => bus.subscribeGlobal(signal ? { signal } : {}),
};

/** What leaves, and the reason `ended` gives. */
const leavings: Record<string, [string, (reader: Subscription, abort: AbortController) => unknown]> = {
  "close()": ["returned", (reader) => reader.close()],
  "return()": ["returned", (reader) => reader.return()],
  "return() of its batches": ["returned", (reader) => reader.batches().return?.()],
  "async disposal": ["returned", (reader) => reader[Symbol.asyncDispose]()],
  "its signal": ["aborted", (_, abort) => abort.abort()],
};

function expectReleased(bus: EventBus, abort: AbortController): void {
  expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, queuedEvents: 0 });
  expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
}

describe.each(Object.keys(kinds))("a reader %s", (kind) => {
  const subscribe = kinds[kind] as (typeof kinds)[string];

  it.each(Object.keys(leavings))("is released by %s while it waits, and the waiting calls end", async (way) => {
    const [reason, leave] = leavings[way] as (typeof leavings)[string];
    const bus = new EventBus();
    const abort = new AbortController();
    const reader = subscribe(bus, abort.signal);
    const waiting = [reader.next(), reader.next(), reader.batches().next()];
    await settle();
    await leave(reader, abort);
    for (const result of await Promise.all(waiting)) expect(result).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual({ reason });
    expectReleased(bus, abort);
    publishNote(bus, "run", 1);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    expect(bus.stats()).toMatchObject({ delivered: 0, dropped: 0 });
  });

  it.each(Object.keys(leavings))("is released by %s while events wait, which are given up", async (way) => {
    const [reason, leave] = leavings[way] as (typeof leavings)[string];
    const bus = new EventBus();
    const abort = new AbortController();
    const reader = subscribe(bus, abort.signal);
    publishNotes(bus, "run", 1, 5);
    await readOne(reader);
    await leave(reader, abort);
    expect(reader.size).toBe(0);
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason });
    expectReleased(bus, abort);
  });

  it("stays with the first reason when it leaves again", async () => {
    const bus = new EventBus();
    const abort = new AbortController();
    const reader = subscribe(bus, abort.signal);
    reader.close();
    abort.abort();
    bus.closeStream("run");
    bus.closeGlobal();
    reader.close();
    expect(await reader.ended).toEqual({ reason: "returned" });
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("is released by `break`, and by a throw in the loop", async () => {
    const bus = new EventBus();
    const readers = [subscribe(bus), subscribe(bus), subscribe(bus)] as const;
    publishNotes(bus, "run", 1, 3);
    for await (const event of readers[0]) if (isOfType("note")(event)) break;
    for await (const batch of readers[1].batches()) if (batch.length > 0) break;
    const loop = async (): Promise<void> => {
      for await (const event of readers[2]) throw new Error(`no use for ${event.type}`);
    };
    await expect(loop()).rejects.toThrow("no use for");
    for (const reader of readers) expect(await reader.ended).toEqual({ reason: "returned" });
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("is released at the end of its `await using` block", async () => {
    const bus = new EventBus();
    let seen: Subscription | undefined;
    {
      await using reader = subscribe(bus);
      seen = reader;
      publishNote(bus, "run", 1);
      await readOne(reader);
    }
    expect(await seen.ended).toEqual({ reason: "returned" });
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("whose signal is already aborted ends at once, without an error", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = subscribe(bus, AbortSignal.abort(new Error("gone")));
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "aborted" });
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, delivered: 0 });
  });

  it("shares one listener on the signal, which goes with the last however it ends", async () => {
    const bus = new EventBus();
    const abort = new AbortController();
    for (const _ of range(1, 3)) subscribe(bus, abort.signal);
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    publishNote(bus, "run", 1);
    bus.dropHistory("run");
    bus.closeGlobal();
    if (kind === "of all runs") expect(getEventListeners(abort.signal, "abort")).toHaveLength(1);
    await bus.shutdown();
    abort.abort();
    await settle();
    expectReleased(bus, abort);
  });
});

describe("`closeStream`", () => {
  it("ends readers who wait, at once, and tells them how the run ended", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run", { after: "live" });
    const waiting = reader.next();
    bus.closeStream("run", "failed");
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "failed" });
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("ends readers who neither read nor wait, when nothing is left for them", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 1);
    await readOne(reader);
    bus.closeStream("run");
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "unknown" });
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("lets readers drain first: `ended` settles with the last event taken, not before", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 2);
    bus.closeStream("run", "completed");
    await readOne(reader);
    expect(await isSettled(reader.ended)).toBe(false);
    expect(bus.stats().runSubscribers).toBe(1);
    await readOne(reader);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(bus.stats().runSubscribers).toBe(0);
    expect((await reader.next()).done).toBe(true);
  });

  it("reaches readers of every kind, also those whose filter let nothing through", async () => {
    const bus = new EventBus();
    const readers = [
      bus.subscribe("run"),
      bus.subscribe("run", { types: ["nothing"] }),
      bus.subscribe("run", { where: () => false }),
      bus.subscribe("run", { after: "live" }),
    ];
    publishNote(bus, "run", 1);
    bus.closeStream("run");
    expect(await Promise.all(readers.map(readToEnd)).then((all) => all.map(shown))).toEqual([[1], [], [], [1]]);
  });

  it("reaches a reader of a run that never had an event, and leaves others alone", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const other = bus.subscribe("other");
    bus.closeStream("run", "cancelled");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "cancelled" });
    expect(await isSettled(other.ended)).toBe(false);
    other.close();
  });

  it("reaches a reader in the middle of the replay, with everything published before", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    const reader = bus.subscribe("run");
    await readOne(reader);
    publishNote(bus, "run", 4);
    bus.closeStream("run");
    expect(shown(await readToEnd(reader))).toEqual([2, 3, 4]);
  });
});

describe("a reader of a closed run", () => {
  it("gets the history, then the end, each time anew", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run", "completed");
    for (const _ of range(1, 2)) {
      const reader = bus.subscribe("run");
      expect(reader.size).toBe(3);
      expect(shown(await readToEnd(reader))).toEqual([1, 2, 3]);
      expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    }
  });

  it("that has nothing to get ends at once, and takes up no place", async () => {
    const bus = new EventBus();
    const [last] = publishNotes(bus, "run", 1).slice(-1);
    bus.closeStream("run");
    const atEnd = bus.subscribe("run", { after: taken(last).id });
    const live = bus.subscribe("run", { after: "live" });
    expect(bus.stats().runSubscribers).toBe(0);
    expect((await atEnd.next()).done).toBe(true);
    expect(await live.ended).toEqual({ reason: "closed", outcome: "unknown" });
  });
});

describe("`dropHistory`", () => {
  it("ends its readers at once, though events wait", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    const reader = bus.subscribe("run");
    const waiting = bus.subscribe("run", { after: "live" }).next();
    publishNote(bus, "run", 3);
    expect(bus.dropHistory("run")).toBe(true);
    expect(reader.size).toBe(0);
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toMatchObject({ reason: "dropped" });
    await waiting;
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("ends a reader who drains a closed run, and leaves readers of other runs alone", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    publishNote(bus, "other", 1);
    const other = bus.subscribe("other");
    bus.closeStream("run");
    const reader = bus.subscribe("run");
    bus.dropHistory("run");
    expect(await reader.ended).toMatchObject({ reason: "dropped" });
    expect(shown(await readWaiting(other))).toEqual([1]);
    other.close();
  });
});

describe("`closeGlobal`", () => {
  it("lets readers of all runs drain, then ends them; new ones may come, and runs go on", async () => {
    const bus = new EventBus();
    const ofRun = bus.subscribe("run");
    const behind = bus.subscribeGlobal();
    const waiting = bus.subscribeGlobal({ types: ["nothing"] }).next();
    publishNote(bus, "run", 1);
    bus.closeGlobal();
    expect((await waiting).done).toBe(true);
    const next = bus.subscribeGlobal();
    publishNote(bus, "run", 2);
    expect(shown(await readToEnd(behind))).toEqual(["bus.run.opened", 1]);
    expect(await behind.ended).toEqual({ reason: "closed" });
    expect(shown(await readWaiting(next))).toEqual([2]);
    expect(shown(await readWaiting(ofRun))).toEqual([1, 2]);
    expect(bus.stats()).toMatchObject({ globalSubscribers: 1, runSubscribers: 1 });
  });
});

describe("shutdown", () => {
  it("lets readers drain and ends them as `shutdown`; those of runs that were closed before, as closed", async () => {
    const bus = new EventBus();
    publishNotes(bus, "open", 1, 2);
    publishNote(bus, "closed", 1);
    bus.closeStream("closed", "completed");
    const readers = [bus.subscribe("open"), bus.subscribe("closed"), bus.subscribe("unknown")];
    const all = bus.subscribeGlobal();
    publishNote(bus, "open", 3);
    await bus.shutdown();
    expect(await Promise.all(readers.map(readToEnd)).then((each) => each.map(shown))).toEqual([[1, 2, 3], [1], []]);
    expect(await Promise.all(readers.map(async ({ ended }) => (await ended).reason))).toEqual([
      "shutdown",
      "closed",
      "shutdown",
    ]);
    expect(shown(await readToEnd(all))).toEqual([3, "bus.run.closed"]);
    expect(await all.ended).toEqual({ reason: "shutdown" });
    expect(bus.stats()).toMatchObject({ activeRuns: 0, runSubscribers: 0, globalSubscribers: 0 });
  });

  it("refuses what comes after it, and is one however often it is called", async () => {
    const bus = new EventBus();
    const closed: string[] = [];
    bus.tap({ closed: ({ runId }) => closed.push(runId) });
    publishNote(bus, "run", 1);
    await Promise.all([bus.shutdown(), bus.shutdown()]);
    await bus.shutdown();
    expect(closed).toEqual(["run"]);
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(bus.publish({ runId: "new", type: "note" })).toBeUndefined();
    expect(bus.closeStream("new")).toBe(false);
    expect(bus.stats()).toMatchObject({ published: 1, refused: 2 });
    expect(bus.runs()).toHaveLength(1);
  });

  it("ends a reader of a run that never began, whenever it comes", async () => {
    const bus = new EventBus();
    const early = bus.subscribe("run");
    await bus.shutdown();
    const late = bus.subscribe("another");
    expect([await readToEnd(early), await readToEnd(late)]).toEqual([[], []]);
    expect([await early.ended, await late.ended]).toEqual([{ reason: "shutdown" }, { reason: "shutdown" }]);
  });

  it("leaves reading as it is: history, then the end", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    await bus.shutdown();
    expect(shown(bus.history("run"))).toEqual([1, 2]);
    expect(shown(await readToEnd(bus.subscribe("run")))).toEqual([1, 2]);
    expect(await readToEnd(bus.subscribe("unknown"))).toEqual([]);
    expect(await readToEnd(bus.subscribe("run", { after: "live" }))).toEqual([]);
    expect(await readToEnd(bus.subscribeGlobal())).toEqual([]);
    bus.closeGlobal();
    expect(await readToEnd(bus.subscribeGlobal())).toEqual([]);
    expect(bus.dropHistory("run")).toBe(true);
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });
});

describe("`ended`", () => {
  it("tells the same whenever it is asked for", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const early = reader.ended;
    expect(reader.ended).toBe(early);
    bus.closeStream("run", "completed");
    await settle();
    expect(await early).toEqual({ reason: "closed", outcome: "completed" });
    expect(await reader.ended).toEqual(await early);
  });

  it("settles for a reader who leaves inside the loop that reads it", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    const got: BusEvent[] = [];
    for await (const event of reader) {
      got.push(event);
      if (event.seq === 2) reader.close();
    }
    expect(shown(got)).toEqual([1, 2]);
    expect(await reader.ended).toEqual({ reason: "returned" });
  });
});

describe("readers that share a signal", () => {
  it("all end when it aborts, also those that are left when one was closed", async () => {
    const bus = new EventBus();
    const controller = new AbortController();
    const { signal } = controller;
    const readers = [1, 2, 3].map(() => bus.subscribe("run", { signal }));
    readers[0]?.close();
    readers[0]?.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    controller.abort();
    const reasons = await Promise.all(readers.map(async (reader) => (await reader.ended).reason));
    expect(reasons).toEqual(["returned", "aborted", "aborted"]);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(bus.stats().runSubscribers).toBe(0);
  });
});

describe("how a stream ended", () => {
  it("is the same for all its readers, and nobody can change it", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    bus.closeStream("run", "completed");
    const reader = bus.subscribe("run", { after: "live" });
    await reader.next();
    expect(Object.isFrozen(await reader.ended)).toBe(true);
    expect(Object.isFrozen(bus.standing("run")?.end)).toBe(true);
  });
});
