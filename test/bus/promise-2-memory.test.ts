import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { heapKeptBy, isCollected } from "../memory/garbage.js";
import { publishNote, range, restoreAfterEach, settle } from "./support.js";

restoreAfterEach();
// To empty a heap that others have filled takes its time.
vi.setConfig({ testTimeout: 30_000 });

const MEGABYTE = 1024 * 1024;
const TEXTS = 30;

/** One flat megabyte of text on the heap, of which a slice would keep all. */
function megabyte(n: number): string {
  return new Array(MEGABYTE / 32).fill(`${n} abcdefghijklmnopqrstuvwxyz `.padEnd(32)).join("");
}

describe("an event that is kept", () => {
  it("by its slices would keep the text they were cut from", async () => {
    const slices: string[] = [];
    const kept = await heapKeptBy(() => {
      for (const n of range(1, TEXTS)) slices.push(megabyte(n).slice(0, 240));
    });
    expect(slices).toHaveLength(TEXTS);
    expect(kept, "else the tests below prove nothing").toBeGreaterThan((TEXTS / 2) * MEGABYTE);
  });

  const publishSlices = (bus: EventBus, slice: (text: string) => Parameters<EventBus["publish"]>[0]) => () => {
    for (const n of range(1, TEXTS)) bus.publish(slice(megabyte(n)));
  };
  it.each<[string, (text: string) => Parameters<EventBus["publish"]>[0]]>([
    ["its data", (text) => ({ runId: "run", type: "note", data: { preview: text.slice(0, 240) } })],
    ["a text of 13 characters in it", (text) => ({ runId: "run", type: "note", data: { id: text.slice(0, 13) } })],
    ["a text of 64 characters in it", (text) => ({ runId: "run", type: "note", data: { id: text.slice(0, 64) } })],
    ["a text of 65 characters in it", (text) => ({ runId: "run", type: "note", data: { id: text.slice(0, 65) } })],
    ["a list in its data", (text) => ({ runId: "run", type: "note", data: { list: [[text.slice(5, 40)]] } })],
    ["a text that is cut", (text) => ({ runId: "run", type: "note", data: { text } })],
    ["its attributes", (text) => ({ runId: "run", type: "note", attributes: { "a.b": text.slice(0, 100) } })],
    ["the names in its data", (text) => ({ runId: "run", type: "note", data: { [text.slice(0, 50)]: 1 } })],
    ["its span ids", (text) => ({ runId: "run", type: "note", traceId: text.slice(0, 32), spanId: text.slice(0, 16) })],
    ["its type", (text) => ({ runId: "run", type: text.slice(0, 20) })],
    ["its run id", (text) => ({ runId: text.slice(0, 36), type: "note" })],
  ])("does not pin the megabyte from which %s was cut", async (_, slice) => {
    const bus = new EventBus();
    const kept = await heapKeptBy(publishSlices(bus, slice));
    expect(bus.stats().historyEvents).toBe(TEXTS);
    expect(kept).toBeLessThan((TEXTS / 4) * MEGABYTE);
  });

  it("does not pin what a joined chunk was cut from, nor a remembered id of a closed run", async () => {
    const bus = new EventBus({ transient: [] });
    publishNote(bus, "run", 1);
    const kept = await heapKeptBy(() => {
      for (const n of range(1, TEXTS)) {
        const data = { text: megabyte(n).slice(0, 60) };
        bus.publish({ runId: "run", type: "agent.model.chunk", spanId: "span", data });
        bus.closeStream(megabyte(n).slice(0, 36));
      }
      publishNote(bus, "run", 2);
    });
    expect(bus.stats().historyEvents).toBe(3);
    expect(kept).toBeLessThan((TEXTS / 4) * MEGABYTE);
  });
});

describe("what a run remembers of its texts", () => {
  const KIB = 1024;
  /** A new text of so many characters. */
  const written = (what: string, length: number): string => [...what.padEnd(length, "x")].join("");
  const textsOf = (names: readonly string[], what: string, length: number): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, written(`${name} ${what}`, length)]));
  const fields = range(1, 64).map((n) => `field${n}`);

  it("lets those that come again take room once, in as many as 64 fields", async () => {
    const keptBy = async (what: (n: number) => string): Promise<number> => {
      const bus = new EventBus();
      bus.publish({ runId: "run", type: "note", data: textsOf(fields, "first", 64) });
      const kept = await heapKeptBy(() => {
        for (const n of range(1, 200)) bus.publish({ runId: "run", type: "note", data: textsOf(fields, what(n), 64) });
      });
      expect(bus.stats().historyEvents).toBe(201);
      return kept;
    };
    const apart = await keptBy((n) => `text ${n}`);
    const shared = await keptBy(() => "the same");
    expect(apart - shared).toBeGreaterThan(0.8 * 200 * 64 * 64);
  });

  it("is bounded, however many fields there are", async () => {
    const bus = new EventBus({ historyPerRun: 1 });
    publishNote(bus, "run", 1);
    const kept = await heapKeptBy(() => {
      for (const n of range(1, 200)) {
        const names = range(1, 100).map((each) => `field ${n} ${each}`);
        bus.publish({ runId: "run", type: "note", data: textsOf(names, "text", 60) });
      }
    });
    expect(kept).toBeLessThan(500 * KIB);
  });

  it("is no content", async () => {
    const bus = new EventBus({ historyPerRun: 1 });
    publishNote(bus, "run", 1);
    const kept = await heapKeptBy(() => {
      for (const run of range(1, 20)) {
        for (const name of fields)
          bus.publish({ runId: `run ${run}`, type: "note", data: textsOf([name], "content", 8000) });
      }
    });
    expect(kept).toBeLessThan(20 * 100 * KIB);
  });
});

describe("what nobody needs any more is let go:", () => {
  const weakly = (event: BusEvent): WeakRef<BusEvent> => new WeakRef(event);

  it("a transient event without readers", async () => {
    const bus = new EventBus({ transient: ["blip"] });
    expect(await isCollected(weakly(publishNote(bus, "run", 1, "blip")))).toBe(true);
  });

  it("an event that was evicted, dropped or pushed out by newer ones", async () => {
    const bus = new EventBus({ maxRuns: 2, historyPerRun: 1 });
    const pushedOut = weakly(publishNote(bus, "a", 1));
    publishNote(bus, "a", 2);
    const dropped = weakly(publishNote(bus, "b", 1));
    bus.dropHistory("b");
    const evicted = weakly(publishNote(bus, "c", 1));
    publishNote(bus, "a", 3);
    publishNote(bus, "d", 1);
    expect(await isCollected(pushedOut), "pushed out").toBe(true);
    expect(await isCollected(dropped), "dropped").toBe(true);
    expect(await isCollected(evicted), "evicted").toBe(true);
  });

  it("what a reader left unread when it closed", async () => {
    const bus = new EventBus({ transient: ["blip"] });
    const leaveUnread = (): WeakRef<BusEvent> => {
      const readers = [bus.subscribe("run"), bus.subscribeGlobal()];
      const unread = weakly(publishNote(bus, "run", 1, "blip"));
      for (const reader of readers) reader.close();
      return unread;
    };
    expect(await isCollected(leaveUnread())).toBe(true);
  });

  it.each<[string, (bus: EventBus) => Subscription]>([
    ["of a run", (bus) => bus.subscribe("run")],
    ["of all runs", (bus) => bus.subscribeGlobal()],
  ])("a reader %s that left while it waited, although others go on waiting", async (_, subscribe) => {
    const bus = new EventBus();
    const faithful = subscribe(bus);
    const waiting = faithful.next();
    const waitAndLeave = async (leave: (reader: Subscription) => void): Promise<WeakRef<Subscription>> => {
      const reader = subscribe(bus);
      const next = reader.next();
      await settle();
      leave(reader);
      expect((await next).done).toBe(true);
      return new WeakRef(reader);
    };
    const closed = await waitAndLeave((reader) => reader.close());
    const returned = await waitAndLeave((reader) => void reader.return());
    expect(await isCollected(closed), "closed").toBe(true);
    expect(await isCollected(returned), "returned").toBe(true);
    publishNote(bus, "run", 1);
    expect((await waiting).done).toBe(false);
  });

  it("a bus that nobody holds, with its open runs", async () => {
    const use = (): WeakRef<EventBus> => {
      const bus = new EventBus();
      publishNote(bus, "run", 1);
      bus.closeStream("run");
      return new WeakRef(bus);
    };
    expect(await isCollected(use())).toBe(true);
  });
});
