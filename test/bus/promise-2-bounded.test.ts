import { type BusEvent, EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  generationOf,
  publishNote,
  publishNotes,
  range,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  shown,
  taken,
  typesOf,
} from "./support.js";

restoreAfterEach();

function keptRuns(bus: EventBus): string[] {
  return Object.keys(bus.stats().historyDepths ?? {}).sort();
}

function jsonSize(events: readonly BusEvent[]): number {
  return events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
}

describe("the history of a run", () => {
  it("is its newest `historyPerRun` events, exactly", () => {
    const bus = new EventBus({ historyPerRun: 3 });
    publishNotes(bus, "run", 1, 3);
    expect(shown(bus.history("run"))).toEqual([1, 2, 3]);
    publishNotes(bus, "run", 4, 10);
    expect(shown(bus.history("run"))).toEqual([8, 9, 10]);
    expect(bus.stats()).toMatchObject({ historyEvents: 3, published: 10 });
  });

  it("is a snapshot: what comes later or is done to it shows nowhere else", () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    const before = bus.history("run");
    publishNote(bus, "run", 3);
    expect(shown(before)).toEqual([1, 2]);
    (bus.history("run") as BusEvent[]).length = 0;
    expect(shown(bus.history("run"))).toEqual([1, 2, 3]);
  });

  it("gives the newest `limit`, or the first `limit` behind `after`", () => {
    const bus = new EventBus({ historyPerRun: 5 });
    const events = publishNotes(bus, "run", 1, 8);
    const idOf = (n: number): string => taken(events[n - 1]).id;
    expect(shown(bus.history("run", { limit: 2 }))).toEqual([7, 8]);
    expect(shown(bus.history("run", { after: idOf(5) }))).toEqual([6, 7, 8]);
    expect(shown(bus.history("run", { after: idOf(5), limit: 2 }))).toEqual([6, 7]);
    expect(shown(bus.history("run", { after: idOf(1), limit: 2 }))).toEqual([4, 5]);
    expect(shown(bus.history("run", { after: idOf(8) }))).toEqual([]);
    expect(shown(bus.history("run", { after: "elsewhere.3", limit: 1 }))).toEqual([4]);
    expect(bus.history("unknown", { after: idOf(1) })).toEqual([]);
  });
});

describe("eviction", () => {
  it("takes the run that published least recently, not the one that began first", () => {
    const bus = new EventBus({ maxRuns: 2 });
    publishNote(bus, "a", 1);
    publishNote(bus, "b", 1);
    publishNote(bus, "a", 2);
    publishNote(bus, "c", 1);
    expect(keptRuns(bus)).toEqual(["a", "c"]);
    expect(bus.stats()).toMatchObject({ evictedRuns: 1, retainedRuns: 2, historyEvents: 3 });
  });

  it("takes what is delivered and not kept for publishing, too", () => {
    const bus = new EventBus({ maxRuns: 2, transient: ["blip"] });
    publishNote(bus, "a", 1);
    publishNote(bus, "b", 1);
    publishNote(bus, "a", 2, "blip");
    publishNote(bus, "c", 1);
    expect(bus.stats().historyDepths).toEqual({ a: 1, c: 1 });
  });

  it("is not put off by reading: only publishing counts", () => {
    const bus = new EventBus({ maxRuns: 2 });
    publishNote(bus, "a", 1);
    publishNote(bus, "b", 1);
    bus.history("a");
    bus.subscribe("a").close();
    publishNote(bus, "c", 1);
    expect(keptRuns(bus)).toEqual(["b", "c"]);
  });

  it("takes closed runs nobody reads before all others, though they published later", () => {
    const bus = new EventBus({ maxRuns: 3 });
    publishNote(bus, "open", 1);
    publishNote(bus, "read", 1);
    bus.subscribe("read");
    bus.closeStream("read");
    publishNote(bus, "closed", 1);
    bus.closeStream("closed");
    publishNote(bus, "new", 1);
    expect(keptRuns(bus)).toEqual(["new", "open", "read"]);
    publishNote(bus, "newer", 1);
    expect(keptRuns(bus), "of runs that are open or read, the oldest").toEqual(["new", "newer", "read"]);
  });

  it("takes those in the order in which they published, whenever they were closed or last read", () => {
    const bus = new EventBus({ maxRuns: 3 });
    for (const run of ["one", "two", "three"]) publishNote(bus, run, 1);
    const reader = bus.subscribe("one");
    for (const run of ["three", "one", "two"]) bus.closeStream(run);
    publishNote(bus, "four", 1);
    expect(keptRuns(bus)).toEqual(["four", "one", "three"]);
    reader.close();
    publishNote(bus, "five", 1);
    expect(keptRuns(bus)).toEqual(["five", "four", "three"]);
  });

  it("leaves a run its identity: it goes on in the same generation with the next seq", () => {
    const bus = new EventBus({ maxRuns: 1 });
    const [, second] = publishNotes(bus, "run", 1, 2);
    publishNote(bus, "other", 1);
    expect(bus.history("run")).toEqual([]);
    const third = publishNote(bus, "run", 3);
    expect(third.seq).toBe(3);
    expect(generationOf(third)).toBe(generationOf(taken(second)));
    expect(shown(bus.history("run"))).toEqual([3]);
  });

  it("leaves a closed run its seal and its outcome: late readers end, late events are refused", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    publishNote(bus, "run", 1);
    bus.closeStream("run", "failed");
    publishNote(bus, "other", 1);
    expect(keptRuns(bus)).toEqual(["other"]);
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    const reader = bus.subscribe("run");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "failed" });
  });

  it("lets readers of the run drain what they have, then end as evicted", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    publishNotes(bus, "run", 1, 2);
    const behind = bus.subscribe("run");
    const caughtUp = bus.subscribe("run", { after: "live" });
    publishNote(bus, "run", 3);
    publishNote(bus, "other", 1);
    publishNote(bus, "run", 4);
    expect(shown(await readToEnd(behind))).toEqual([1, 2, 3]);
    expect(shown(await readToEnd(caughtUp))).toEqual([3]);
    expect(await behind.ended).toEqual({ reason: "evicted" });
    expect(await caughtUp.ended).toEqual({ reason: "evicted" });
  });

  it("costs a reader that resumes nothing but what was not kept", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    publishNotes(bus, "run", 1, 2);
    const first = bus.subscribe("run");
    publishNote(bus, "other", 1);
    await readToEnd(first);
    publishNote(bus, "run", 3);
    const second = bus.subscribe("run", {
      after: taken(bus.history("run")[0] && ({ id: first.lastId } as BusEvent)).id,
    });
    publishNote(bus, "run", 4);
    expect(shown(await readWaiting(second))).toEqual([3, 4]);
  });

  it("does not take the replay of a closed run from a reader who is in the middle of it", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run", "completed");
    const reader = bus.subscribe("run");
    publishNote(bus, "other", 1);
    publishNote(bus, "another", 1);
    expect(shown(await readToEnd(reader))).toEqual([1, 2, 3]);
    expect((await reader.ended).reason).toMatch(/closed|evicted/);
  });

  it("is of events: runs without any are in no list and evict nothing", () => {
    const bus = new EventBus({ maxRuns: 2 });
    publishNotes(bus, "a", 1, 2);
    publishNotes(bus, "b", 1, 2);
    for (const n of range(1, 2000)) bus.closeStream(`never-${n}`);
    const readers = range(1, 100).map((n) => bus.subscribe(`not-yet-${n}`));
    expect(bus.runs().map(({ runId }) => runId)).toEqual(["b", "a"]);
    expect(bus.stats()).toMatchObject({ evictedRuns: 0, activeRuns: 2, retainedRuns: 2, historyEvents: 4 });
    for (const reader of readers) reader.close();
    expect(bus.runs()).toHaveLength(2);
  });
});

describe("`maxHistoryBytes`", () => {
  const text = "x".repeat(1000);
  const publishText = (bus: EventBus, runId: string): BusEvent =>
    taken(bus.publish({ runId, type: "text", data: { text } }));

  it("is never exceeded, whichever runs publish", () => {
    const bus = new EventBus({ maxHistoryBytes: 10_000 });
    for (const n of range(1, 200)) {
      publishText(bus, `run-${n % 7}`);
      expect(bus.stats().historyBytes).toBeLessThanOrEqual(10_000);
    }
    const kept = keptRuns(bus).flatMap((runId) => bus.history(runId));
    expect(jsonSize(kept)).toBeLessThanOrEqual(bus.stats().historyBytes);
    expect(kept.length, "and used").toBeGreaterThanOrEqual(7);
  });

  it("takes other runs first, then the oldest events of the run that publishes", () => {
    const bus = new EventBus({ maxHistoryBytes: 5_000 });
    publishText(bus, "other");
    for (const _ of range(1, 10)) publishText(bus, "run");
    expect(keptRuns(bus)).toEqual(["run"]);
    expect(bus.history("run").map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
    expect(bus.stats().evictedRuns).toBe(1);
  });

  it("holds also for one event that alone is larger: it is delivered, not kept", async () => {
    const bus = new EventBus({ maxHistoryBytes: 500 });
    const reader = bus.subscribe("run");
    publishText(bus, "run");
    expect(bus.stats().historyBytes).toBeLessThanOrEqual(500);
    expect(bus.stats()).toMatchObject({ historyEvents: 0, retainedRuns: 0 });
    expect(typesOf(await readWaiting(reader))).toEqual(["text"]);
  });

  it("is free again when runs are dropped", () => {
    const bus = new EventBus();
    for (const n of range(1, 20)) publishText(bus, `run-${n}`);
    expect(bus.stats().historyBytes).toBeGreaterThan(20_000);
    for (const n of range(1, 20)) bus.dropHistory(`run-${n}`);
    expect(bus.stats()).toMatchObject({ historyBytes: 0, historyEvents: 0, retainedRuns: 0, activeRuns: 0 });
  });
});

describe("more open runs than `maxOpenRuns`", () => {
  it("close the least recently published as abandoned", async () => {
    const bus = new EventBus({ maxOpenRuns: 2 });
    publishNote(bus, "a", 1);
    publishNote(bus, "b", 1);
    publishNote(bus, "a", 2);
    const readers = ["a", "b"].map((runId) => bus.subscribe(runId));
    publishNote(bus, "c", 1);
    const states = bus.runs().map(({ runId, state, outcome }) => [runId, state, outcome]);
    expect(states).toEqual([
      ["c", "open", undefined],
      ["a", "open", undefined],
      ["b", "closed", "abandoned"],
    ]);
    expect(shown(await readToEnd(readers[1] as (typeof readers)[1] & object))).toEqual([1]);
    expect(await readers[1]?.ended).toEqual({ reason: "closed", outcome: "abandoned" });
    expect(bus.stats().activeRuns).toBe(2);
    readers[0]?.close();
  });

  it("are never more than that and those about to go, also when the last words of one begin many others", () => {
    const bus = new EventBus({ maxOpenRuns: 3 });
    const counts: number[] = [];
    bus.tap({
      event: ({ type }) => {
        if (type !== "agent.model.chunk") return;
        for (const n of range(1, 50)) {
          publishNote(bus, `next-${n}`, 1);
          counts.push(bus.stats().activeRuns);
        }
      },
    });
    publishNote(bus, "a", 1);
    bus.publish({ runId: "a", type: "agent.model.chunk", spanId: "s", data: { text: "last words" } });
    for (const runId of ["b", "c", "d"]) publishNote(bus, runId, 1);
    // Three, the one that is being closed, and the one for which it was.
    expect(Math.max(...counts)).toBeLessThanOrEqual(5);
    publishNote(bus, "e", 1);
    expect(bus.stats().activeRuns).toBe(3);
  });

  it("are not made by an event that is withheld", () => {
    const bus = new EventBus({ maxOpenRuns: 1, redact: (draft) => (draft.type === "secret" ? undefined : draft) });
    publishNote(bus, "a", 1);
    expect(bus.publish({ runId: "b", type: "secret" })).toBeUndefined();
    expect(bus.runs()).toMatchObject([{ runId: "a", state: "open" }]);
    expect(publishNote(bus, "a", 2).seq).toBe(2);
  });
});

describe("an event that cannot be read", () => {
  it.each(["type", "time", "data", "traceId"])("leaves nothing of a run behind when its `%s` throws", (field) => {
    const bus = new EventBus();
    const input = Object.defineProperty({ runId: "run", type: "note" }, field, {
      get: () => {
        throw new Error("not to be read");
      },
    });
    expect(bus.publish(input)).toBeUndefined();
    expect(bus.standing("run")).toBeUndefined();
    expect(bus.stats()).toMatchObject({ errors: 1, activeRuns: 0 });
  });
});

describe("what waits for a reader", () => {
  it("is at most `maxQueueSize` live events, whatever is published", () => {
    const bus = new EventBus({ maxQueueSize: 4, historyPerRun: 1000 });
    const readers = [
      bus.subscribe("run"),
      bus.subscribe("run", { types: ["note"] }),
      bus.subscribe("run", { where: () => true }),
      bus.subscribeGlobal(),
    ];
    for (const n of range(1, 100)) {
      publishNote(bus, "run", n);
      for (const { size } of readers) expect(size).toBeLessThanOrEqual(4);
    }
    expect(bus.stats().queuedEvents).toBe(16);
  });
});

describe("what a run remembers of itself", () => {
  it("is bounded: at most 100 traces", () => {
    const bus = new EventBus();
    for (const n of range(1, 300))
      bus.publish({ runId: "run", type: "note", traceId: n.toString(16).padStart(32, "0") });
    expect(bus.runs()[0]?.traceIds).toHaveLength(100);
  });
});
