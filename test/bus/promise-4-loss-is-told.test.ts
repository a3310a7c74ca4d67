import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import {
  dataOf,
  generationOf,
  isOfType,
  publishNote,
  publishNotes,
  range,
  readOne,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
  stopTheClock,
  taken,
  typesOf,
} from "./support.js";

restoreAfterEach();

describe("a reader that falls behind", () => {
  it("loses nothing as long as no more than `maxQueueSize` events wait", async () => {
    const bus = new EventBus({ maxQueueSize: 4 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 4);
    expect(reader).toMatchObject({ size: 4, dropped: 0 });
    expect(shown(await readWaiting(reader))).toEqual([1, 2, 3, 4]);
  });

  it("loses its oldest events and gets one gap in their place", async () => {
    const bus = new EventBus({ maxQueueSize: 4 });
    const reader = bus.subscribe("run");
    const events = publishNotes(bus, "run", 1, 10);
    const [gap, ...rest] = await readWaiting(reader);
    expect(gap).toMatchObject({
      type: "bus.gap",
      runId: "run",
      id: taken(events[5]).id,
      data: { missed: 6, reason: "lagged" },
    });
    expect("seq" in taken(gap)).toBe(false);
    expect("resumeAfter" in dataOf(gap)).toBe(false);
    expect(Object.isFrozen(gap) && Object.isFrozen(taken(gap).data)).toBe(true);
    expect(shown(rest)).toEqual([7, 8, 9, 10]);
  });

  it("knows how many it lost while it sleeps, exactly", () => {
    const bus = new EventBus({ maxQueueSize: 4 });
    const reader = bus.subscribe("run");
    for (const n of range(1, 30)) {
      publishNote(bus, "run", n);
      expect(reader).toMatchObject({ dropped: Math.max(0, n - 4), size: Math.min(n, 4) });
      expect(bus.stats()).toMatchObject({ dropped: Math.max(0, n - 4), queuedEvents: Math.min(n, 4) });
    }
  });

  it("gets one gap however long it sleeps and whenever it looked, and a new one for a new loss", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    await settle();
    publishNotes(bus, "run", 6, 50);
    const [gap, ...rest] = await readWaiting(reader);
    expect(shown([taken(gap), ...rest])).toEqual(["gap 48", 49, 50]);
    const last = taken(rest[1]);
    publishNotes(bus, "run", 51, 53);
    const again = await readWaiting(reader);
    expect(shown(again)).toEqual(["gap 1", 52, 53]);
    expect(dataOf(again[0])["resumeAfter"]).toBe(last.id);
    expect(reader.dropped).toBe(49);
  });

  it("gets a gap of its own when it falls behind again right behind a gap", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    const first = await readOne(reader);
    publishNotes(bus, "run", 6, 9);
    const second = await readOne(reader);
    expect(shown([first, second])).toEqual(["gap 3", "gap 4"]);
    expect(dataOf(second)["resumeAfter"]).toBe(first.id);
    expect(shown(await readWaiting(reader))).toEqual([8, 9]);
  });

  it("can fetch what it missed, as far as that is kept", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 1);
    await readOne(reader);
    publishNotes(bus, "run", 2, 8);
    const gap = await readOne(reader);
    if (gap.type !== "bus.gap") throw new Error(`expected a gap, got ${gap.type}`);
    const { missed, resumeAfter } = gap.data;
    expect(shown(bus.history("run", { limit: missed, ...(resumeAfter && { after: resumeAfter }) }))).toEqual(
      range(2, 6),
    );
  });

  it("loses live events only: the gap stands behind a replay that it had not read", async () => {
    const bus = new EventBus({ maxQueueSize: 3 });
    const replayed = publishNotes(bus, "run", 1, 5);
    const reader = bus.subscribe("run");
    await readOne(reader);
    publishNotes(bus, "run", 6, 12);
    expect(reader).toMatchObject({ size: 7, dropped: 4, caughtUp: false });
    const events = await readWaiting(reader);
    expect(shown(events)).toEqual([2, 3, 4, 5, "gap 4", 10, 11, 12]);
    expect(dataOf(events[4])["resumeAfter"]).toBe(taken(replayed[4]).id);
  });

  it("gets the gap whatever it filters by, and only what it asked for counts", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const byType = bus.subscribe("run", { types: ["wanted"] });
    const byWhere = bus.subscribe("run", { where: isOfType("wanted") });
    for (const n of range(1, 10)) publishNote(bus, "run", n, n % 2 === 0 ? "wanted" : "other");
    expect(shown(await readWaiting(byType))).toEqual(["gap 3", 8, 10]);
    expect(shown(await readWaiting(byWhere))).toEqual(["gap 3", 8, 10]);
  });

  it("gets it in a batch, in its place", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    const { value } = await reader.batches().next();
    expect(shown(value ?? [])).toEqual(["gap 3", 4, 5]);
  });

  it("resumes behind a gap without losing or repeating anything more", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 6);
    const gap = await readOne(reader);
    expect(reader.lastId).toBe(gap.id);
    reader.close();
    expect(shown(await readWaiting(bus.subscribe("run", { after: gap.id })))).toEqual([5, 6]);
  });

  it("costs no other reader anything", async () => {
    const bus = new EventBus({ maxQueueSize: 3 });
    const asleep = bus.subscribe("run");
    const awake = bus.subscribe("run");
    const got: BusEvent[] = [];
    for (const n of range(1, 20)) {
      publishNote(bus, "run", n);
      got.push(await readOne(awake));
    }
    expect(shown(got)).toEqual(range(1, 20));
    expect(awake.dropped).toBe(0);
    expect(asleep.dropped).toBe(17);
  });

  it("and attached later than others has lost only what came after it attached", async () => {
    const bus = new EventBus({ maxQueueSize: 3 });
    const early = bus.subscribe("run", { after: "live" });
    publishNotes(bus, "run", 1, 2);
    const late = bus.subscribe("run", { after: "live" });
    publishNotes(bus, "run", 3, 6);
    expect([early.dropped, late.dropped]).toEqual([3, 1]);
    expect(shown(await readWaiting(early))).toEqual(["gap 3", 4, 5, 6]);
    expect(shown(await readWaiting(late))).toEqual(["gap 1", 4, 5, 6]);
  });

  it("of all runs is told which run's event it missed last", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const all = bus.subscribeGlobal();
    publishNote(bus, "a", 1);
    const missed = publishNote(bus, "b", 2);
    publishNotes(bus, "a", 3, 4);
    const events = await readWaiting(all);
    expect(shown(events)).toEqual(["gap 4", 3, 4]);
    expect(events[0]).toMatchObject({ id: missed.id, runId: "b" });
  });

  it("of all runs is told where to resume only if it read an event of that run last", async () => {
    const bus = new EventBus({ maxQueueSize: 1 });
    const all = bus.subscribeGlobal({ types: ["note"] });
    const resumeAfter: unknown[] = [];
    for (const runId of ["a", "a", "b"]) {
      const before = all.lastId;
      publishNote(bus, runId, 1);
      publishNote(bus, "c", 2);
      const [gap] = await readWaiting(all);
      resumeAfter.push(dataOf(gap)["resumeAfter"] === before && before !== undefined);
      publishNote(bus, "a", 3);
      await readOne(all);
    }
    expect(resumeAfter).toEqual([false, true, false]);
  });

  it("keeps its count when it leaves, and so does the bus", () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 10);
    reader.close();
    publishNotes(bus, "run", 11, 20);
    expect(reader).toMatchObject({ dropped: 8, size: 0 });
    expect(bus.stats().dropped).toBe(8);
  });
});

describe("the end of a stream", () => {
  it.each<[string, (bus: EventBus) => Subscription, (bus: EventBus) => unknown]>([
    ["closing a run", (bus) => bus.subscribe("run"), (bus) => bus.closeStream("run")],
    ["closing the global stream", (bus) => bus.subscribeGlobal(), (bus) => bus.closeGlobal()],
  ])("takes nothing more from a full queue: %s", async (_, subscribe, close) => {
    const bus = new EventBus({ maxQueueSize: 4 });
    const reader = subscribe(bus);
    const waiting = subscribe(bus);
    publishNotes(bus, "run", 1, 10);
    close(bus);
    expect(shown(await readToEnd(reader)).slice(1)).toEqual([7, 8, 9, 10]);
    expect(shown(await readToEnd(waiting)).slice(1)).toEqual([7, 8, 9, 10]);
    expect((await reader.ended).reason).toBe("closed");
  });

  it("comes behind the gap, not instead of it", async () => {
    const bus = new EventBus({ maxQueueSize: 1 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run", "completed");
    expect(shown(await readToEnd(reader))).toEqual(["gap 2", 3]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });
});

describe("a cursor", () => {
  it("older than what is kept gives a gap, then everything kept", async () => {
    const bus = new EventBus({ historyPerRun: 3 });
    const events = publishNotes(bus, "run", 1, 10);
    const after = taken(events[1]).id;
    const reader = bus.subscribe("run", { after });
    const [gap, ...rest] = await readWaiting(reader);
    expect(gap).toMatchObject({
      type: "bus.gap",
      id: taken(events[6]).id,
      data: { missed: 5, reason: "evicted", resumeAfter: after },
    });
    expect("seq" in taken(gap)).toBe(false);
    expect(shown(rest)).toEqual([8, 9, 10]);
    expect(reader.dropped, "it lost nothing by lagging").toBe(0);
  });

  it("right before what is kept, or at the end, gives no gap", async () => {
    const bus = new EventBus({ historyPerRun: 3 });
    const events = publishNotes(bus, "run", 1, 10);
    expect(shown(await readWaiting(bus.subscribe("run", { after: taken(events[6]).id })))).toEqual([8, 9, 10]);
    expect(shown(await readWaiting(bus.subscribe("run", { after: taken(events[9]).id })))).toEqual([]);
  });

  it("into a run whose events were all evicted gives the gap, then what comes", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    const [first] = publishNotes(bus, "run", 1, 3);
    publishNote(bus, "other", 1);
    const reader = bus.subscribe("run", { after: taken(first).id });
    expect(reader).toMatchObject({ size: 0, caughtUp: false });
    publishNote(bus, "run", 4);
    expect(shown(await readWaiting(reader))).toEqual(["gap 2", 4]);
  });

  it("into a run that is closed and evicted gives the gap, then the end", async () => {
    const bus = new EventBus({ maxRuns: 1 });
    const [first] = publishNotes(bus, "run", 1, 3);
    bus.closeStream("run", "completed");
    publishNote(bus, "other", 1);
    const reader = bus.subscribe("run", { after: taken(first).id });
    expect(shown(await readToEnd(reader))).toEqual(["gap 2"]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it.each<[string, (bus: EventBus, last: BusEvent) => string]>([
    ["of another bus", () => publishNote(new EventBus(), "run", 1).id],
    ["of another run", (bus) => publishNote(bus, "another", 1).id],
    ["of a seq that does not exist yet", (_, last) => `${generationOf(last)}.99`],
    ["that is empty", () => ""],
    ["that is no id at all", () => "Live"],
    ["with something in front", (_, last) => `!${last.id}`],
    ["with something behind", (_, last) => `${last.id}x`],
    ["with a zero in front of its seq", (_, last) => `${generationOf(last)}.01`],
    ["with a seq that is no number", (_, last) => `${generationOf(last)}.-1`],
    ["far too long", () => "x".repeat(100_000)],
  ])("that cannot be placed gives a gap and a full replay: one %s", async (_, cursor) => {
    const bus = new EventBus();
    const events = publishNotes(bus, "run", 1, 3);
    const reader = bus.subscribe("run", { after: cursor(bus, taken(events[2])) });
    publishNote(bus, "run", 4);
    const [gap, ...rest] = await readWaiting(reader);
    expect(gap).toMatchObject({ type: "bus.gap", data: { reason: "generation" } });
    expect(shown(rest)).toEqual([1, 2, 3, 4]);
  });

  it("of a generation that was dropped gives a gap and what the next one has", async () => {
    const bus = new EventBus();
    const old = publishNote(bus, "run", 1);
    bus.dropHistory("run");
    publishNotes(bus, "run", 2, 3);
    const events = await readWaiting(bus.subscribe("run", { after: old.id }));
    expect(events[0]).toMatchObject({ type: "bus.gap", data: { reason: "generation" } });
    expect(shown(events.slice(1))).toEqual([2, 3]);
  });

  it("into a run that nobody knows does not hang: the gap comes at once, then what comes", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { after: "elsewhere.17" });
    const gap = await readOne(reader);
    expect(gap).toMatchObject({ type: "bus.gap", data: { missed: 0, reason: "generation" } });
    const next = reader.next();
    const event = publishNote(bus, "run", 1);
    expect((await next).value).toBe(event);
    reader.close();
    expect(shown(await readWaiting(bus.subscribe("run", { after: gap.id }))), "resumed behind that gap").toEqual([1]);
  });

  it("that cannot be met gives its gap to readers that filter, too", async () => {
    const bus = new EventBus({ historyPerRun: 2 });
    const [first] = publishNotes(bus, "run", 1, 5);
    const after = taken(first).id;
    const options = [{ types: ["nothing"] }, { where: () => false }];
    for (const filter of options) {
      expect(typesOf(await readWaiting(bus.subscribe("run", { after, ...filter })))).toEqual(["bus.gap"]);
    }
  });

  it("gap comes first, and a gap by lagging where it belongs", async () => {
    const bus = new EventBus({ historyPerRun: 2, maxQueueSize: 1 });
    const [first] = publishNotes(bus, "run", 1, 5);
    const reader = bus.subscribe("run", { after: taken(first).id });
    publishNotes(bus, "run", 6, 8);
    const events = await readWaiting(reader);
    expect(shown(events)).toEqual(["gap 2", 4, 5, "gap 2", 8]);
    expect(events.map(({ data }) => (data as { reason?: string }).reason)).toEqual([
      "evicted",
      undefined,
      undefined,
      "lagged",
      undefined,
    ]);
    expect(reader.dropped).toBe(2);
  });
});

describe("a gap", () => {
  it("says what it goes on from, which is as long as an id can be, or nothing", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const after = `${"g".repeat(64)}.${"1".repeat(16)}`;
    const [gap] = await readWaiting(bus.subscribe("run", { after }));
    expect(dataOf(gap)).toEqual({ missed: 0, reason: "generation", resumeAfter: after });
    const [other] = await readWaiting(bus.subscribe("run", { after: `${after}1` }));
    expect(Object.keys(dataOf(other))).toEqual(["missed", "reason"]);
  });

  it("is small, whatever it was asked to go on from", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    for (const after of ["x".repeat(1_000_000), "nonsense"]) {
      const [gap] = await readWaiting(bus.subscribe("run", { after }));
      expect(gap).toMatchObject({ type: "bus.gap", data: { reason: "generation" } });
      expect(JSON.stringify(gap).length).toBeLessThan(1000);
    }
  });

  it("is in no counter", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    const resumed = bus.subscribe("run", { after: "elsewhere.1" });
    await readWaiting(reader);
    expect(bus.stats()).toMatchObject({ published: 5, delivered: 2, dropped: 3, queuedEvents: 5 });
    await readWaiting(resumed);
    expect(bus.stats()).toMatchObject({ published: 5, delivered: 7, dropped: 3, queuedEvents: 0 });
  });

  it("is made when it is read, so it does not grow old", async () => {
    stopTheClock();
    const bus = new EventBus({ maxQueueSize: 2 });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 5);
    const later = Date.now() + 60_000;
    vi.advanceTimersByTime(60_000);
    expect((await readOne(reader)).time).toBe(later);
  });
});
