import { type BusEvent, EventBus, type EventInput } from "spanbus";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  dataOf,
  publishNote,
  range,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  shown,
  stopTheClock,
  typesOf,
} from "./support.js";

restoreAfterEach();
beforeEach(stopTheClock);

const CHUNK = "agent.model.chunk";

function openBus(): { bus: EventBus; texts: () => unknown[]; events: BusEvent[] } {
  const bus = new EventBus();
  publishNote(bus, "run", 1);
  const events: BusEvent[] = [];
  bus.tap((event) => events.push(event));
  return {
    bus,
    events,
    texts: () => events.filter(({ type }) => type === CHUNK).map((event) => dataOf(event)["text"]),
  };
}

function publishChunk(bus: EventBus, text: string, spanId = "span", more: object = {}): BusEvent | undefined {
  return bus.publish({ runId: "run", type: CHUNK, spanId, data: { ...more, text } });
}

describe("a transient event", () => {
  it("gets a seq and is delivered live, but is not kept", async () => {
    const bus = new EventBus({ transient: ["blip"] });
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 1);
    expect(publishNote(bus, "run", 2, "blip").seq).toBe(2);
    expect(publishNote(bus, "run", 3).seq).toBe(3);
    expect(shown(await readWaiting(reader))).toEqual([1, 2, 3]);
    expect(shown(bus.history("run"))).toEqual([1, 3]);
    expect(shown(await readWaiting(bus.subscribe("run")))).toEqual([1, 3]);
    expect(bus.stats()).toMatchObject({ published: 3, historyEvents: 2 });
    expect(bus.runs()).toMatchObject([{ events: 3 }]);
  });

  it("never pushes events out of the history", () => {
    const bus = new EventBus({ transient: ["blip"], historyPerRun: 3 });
    publishNote(bus, "run", 1);
    for (const n of range(2, 1000)) publishNote(bus, "run", n, "blip");
    expect(shown(bus.history("run"))).toEqual([1]);
  });

  it("can be resumed behind without a gap", async () => {
    const bus = new EventBus({ transient: ["blip"] });
    publishNote(bus, "run", 1);
    const blip = publishNote(bus, "run", 2, "blip");
    publishNote(bus, "run", 3);
    expect(shown(await readWaiting(bus.subscribe("run", { after: blip.id })))).toEqual([3]);
  });

  it("alone makes a run that is open, listed and closes", async () => {
    const bus = new EventBus({ transient: ["blip"] });
    const all = bus.subscribeGlobal();
    publishNote(bus, "run", 1, "blip");
    expect(bus.runs()).toMatchObject([{ runId: "run", events: 1 }]);
    bus.closeStream("run", "completed");
    expect(shown(await readWaiting(all))).toEqual(["bus.run.opened", 1, "bus.run.closed"]);
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(await readToEnd(bus.subscribe("run"))).toEqual([]);
    expect(bus.stats()).toMatchObject({ activeRuns: 0, retainedRuns: 0 });
  });

  it("is what the option says, and chunks by default", () => {
    const kept = new EventBus({ transient: [] });
    const bus = new EventBus();
    for (const each of [kept, bus]) {
      publishNote(each, "run", 1);
      each.publish({ runId: "run", type: CHUNK, data: { text: "x" } });
    }
    expect(typesOf(kept.history("run"))).toEqual(["note", CHUNK]);
    expect(typesOf(bus.history("run"))).toEqual(["note"]);
  });
});

describe("chunks of one span", () => {
  it("within 50 ms become one event", () => {
    const { bus, events } = openBus();
    for (const text of ["Hel", "lo", " there"]) {
      expect(publishChunk(bus, text)).toBeUndefined();
      vi.advanceTimersByTime(16);
    }
    expect(events).toHaveLength(0);
    vi.advanceTimersByTime(2);
    expect(events).toMatchObject([{ type: CHUNK, spanId: "span", data: { text: "Hello there", chunks: 3 } }]);
    publishChunk(bus, "!");
    vi.advanceTimersByTime(50);
    expect(dataOf(events[1])).toMatchObject({ text: "!", chunks: 1 });
    expect(bus.stats()).toMatchObject({ published: 3, refused: 0 });
  });

  it("are published once 4096 characters are together, without waiting", () => {
    const { bus, texts } = openBus();
    publishChunk(bus, "x".repeat(4000));
    expect(texts()).toEqual([]);
    publishChunk(bus, "y".repeat(96));
    expect(texts()).toEqual(["x".repeat(4000) + "y".repeat(96)]);
    vi.advanceTimersByTime(1000);
    expect(texts()).toHaveLength(1);
  });

  it("keep what each says besides its text, also where all of it together is more than one event holds", () => {
    const { bus, events } = openBus();
    for (const n of range(1, 60)) publishChunk(bus, "x", "span", { [`field ${n}`]: "y".repeat(1000) });
    vi.advanceTimersByTime(50);
    const told = events.flatMap((event) => Object.keys(dataOf(event)).filter((key) => key.startsWith("field")));
    expect(told).toHaveLength(60);
    expect(events.map((event) => dataOf(event)["truncated"])).toEqual(events.map(() => undefined));
  });

  it("may be objects whose fields are getters of their class", () => {
    class Piece {
      get runId(): string {
        return "run";
      }
      get type(): string {
        return CHUNK;
      }
      get spanId(): string {
        return "span";
      }
      get data(): object {
        return { text: "x" };
      }
    }
    const { bus, texts } = openBus();
    bus.publish(new Piece() as EventInput);
    vi.advanceTimersByTime(50);
    expect(texts()).toEqual(["x"]);
  });

  it("are refused at once where who hears of those before closes the run", () => {
    const { bus, texts } = openBus();
    publishChunk(bus, "x".repeat(4000));
    bus.tap(({ type }) => type === CHUNK && bus.closeStream("run"));
    publishChunk(bus, "y".repeat(100));
    expect(texts()).toEqual(["x".repeat(4000)]);
    expect(bus.stats({ details: true }).details?.refused.sealed).toBe(1);
  });

  it.each([
    ["long ones", ["x".repeat(4000), "y".repeat(8000), "z".repeat(8192)]],
    ["ones that take much room in JSON", ["\u0001".repeat(4000), "\u0002".repeat(4000)]],
  ])("lose nothing by being joined: %s, each of which fits", (_, chunks) => {
    const { bus, texts } = openBus();
    for (const text of chunks) publishChunk(bus, text);
    vi.advanceTimersByTime(50);
    expect(texts().join("").length).toBe(chunks.join("").length);
    expect(texts().join("")).toBe(chunks.join(""));
  });

  it("do not mix with those of other spans or runs", () => {
    const { bus, events } = openBus();
    publishNote(bus, "other", 1);
    for (const text of ["a", "b"]) {
      publishChunk(bus, text, "one");
      publishChunk(bus, text.toUpperCase(), "two");
      bus.publish({ runId: "other", type: CHUNK, spanId: "one", data: { text: "-" } });
    }
    vi.advanceTimersByTime(50);
    const chunks = events.filter(({ type }) => type === CHUNK);
    expect(chunks.map(({ runId, spanId, data }) => [runId, spanId, (data as { text?: string }).text])).toEqual([
      ["run", "one", "ab"],
      ["run", "two", "AB"],
      ["other", "one", "--"],
    ]);
  });

  it("come before what is published into the run behind them, and after what was before", () => {
    const { bus, events } = openBus();
    publishNote(bus, "run", 2);
    publishChunk(bus, "a");
    publishChunk(bus, "b");
    publishNote(bus, "run", 3);
    publishChunk(bus, "c");
    bus.closeStream("run");
    expect(events.map((event) => dataOf(event)["n"] ?? dataOf(event)["text"])).toEqual([2, "ab", 3, "c"]);
    expect(events.map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
    vi.advanceTimersByTime(1000);
    expect(bus.stats()).toMatchObject({ published: 5, refused: 0, errors: 0 });
  });

  it.each<[string, (bus: EventBus) => unknown]>([
    ["forceFlush", (bus) => bus.forceFlush()],
    ["shutdown", (bus) => bus.shutdown()],
    ["closeStream", (bus) => bus.closeStream("run")],
  ])("are not lost at %s", async (_, act) => {
    const { bus, texts } = openBus();
    const reader = bus.subscribe("run", { after: "live" });
    publishChunk(bus, "last words");
    await act(bus);
    expect(texts()).toEqual(["last words"]);
    expect(typesOf(await readWaiting(reader))).toEqual([CHUNK]);
  });

  it("are gone with a run that is dropped, and harm nothing later", () => {
    const { bus, events } = openBus();
    publishChunk(bus, "a");
    bus.dropHistory("run");
    publishNote(bus, "run", 5);
    expect(() => vi.advanceTimersByTime(1000)).not.toThrow();
    expect(shown(events).filter((each) => each !== CHUNK)).toEqual([5]);
    expect(bus.stats().errors).toBe(0);
  });

  it("carry what each of them says besides, the latest where it says the same", () => {
    const { bus, events } = openBus();
    const say = (data: object, attributes?: object) =>
      bus.publish({ runId: "run", type: CHUNK, spanId: "span", data, ...(attributes && { attributes }) } as EventInput);
    say({ text: "a", index: 0, role: "assistant" });
    say({ text: "b", index: 1, finishReason: "stop" }, { by: "me" });
    say({ text: "c" }, { at: "home" });
    vi.advanceTimersByTime(50);
    expect(events).toMatchObject([
      { data: { text: "abc", index: 1, role: "assistant", finishReason: "stop", chunks: 3 } },
    ]);
    expect(events[0]?.attributes).toEqual({ by: "me", at: "home" });
  });

  it("carry the data as it was when they were published", () => {
    const { bus, events } = openBus();
    const data = { text: "a", index: 1 };
    const attributes = { by: "me" };
    bus.publish({ runId: "run", type: CHUNK, spanId: "span", data, attributes });
    data.text = "changed";
    data.index = 2;
    attributes.by = "changed";
    vi.advanceTimersByTime(50);
    expect(events).toMatchObject([{ data: { text: "a", index: 1, chunks: 1 }, attributes: { by: "me" } }]);
  });

  it("of a tap that hears the ones before are behind those, and before the one that did not fit", () => {
    const { bus, texts } = openBus();
    const tap = bus.tap(({ type }) => {
      if (type !== CHUNK) return;
      tap.close();
      publishChunk(bus, "b".repeat(3000));
    });
    publishChunk(bus, "a".repeat(3000));
    publishChunk(bus, "c".repeat(3000));
    vi.advanceTimersByTime(50);
    expect(texts()).toEqual(["a", "b", "c"].map((letter) => letter.repeat(3000)));
  });

  it("wait on when a callback that decides about an event asks for them", () => {
    const { bus, texts } = openBus();
    publishNote(bus, "other", 1);
    bus.subscribe("other", { where: () => Boolean(bus.forceFlush()) });
    publishChunk(bus, "a");
    publishNote(bus, "other", 2);
    publishChunk(bus, "b");
    vi.advanceTimersByTime(50);
    expect(texts()).toEqual(["ab"]);
    expect(bus.stats()).toMatchObject({ refused: 0, errors: 0 });
  });

  it("are bounded while they wait: of very many spans they come sooner", () => {
    const { bus, texts } = openBus();
    for (const n of range(1, 1000)) publishChunk(bus, "x".repeat(4000), `span-${n}`);
    expect(texts().length).toBeGreaterThan(900);
    vi.advanceTimersByTime(50);
    expect(texts()).toHaveLength(1000);
  });

  it("are bounded with all that they say besides", () => {
    const { bus, texts } = openBus();
    for (const n of range(1, 1000)) publishChunk(bus, "x", `span-${n}`, { note: "n".repeat(8000) });
    expect(texts().length).toBeGreaterThan(400);
    vi.advanceTimersByTime(50);
    expect(texts()).toHaveLength(1000);
  });
});

describe("a chunk", () => {
  it.each<[string, object]>([
    ["without a span", { data: { text: "x" } }],
    ["without text", { spanId: "span", data: { delta: "x" } }],
    ["without data", { spanId: "span" }],
  ])("%s is published at once", (_, input) => {
    const { bus, events } = openBus();
    expect(bus.publish({ runId: "run", type: CHUNK, ...input })).toBe(events[0]);
    expect(events).toHaveLength(1);
  });

  it("for a sealed run is refused at once", () => {
    const { bus } = openBus();
    bus.closeStream("run");
    expect(publishChunk(bus, "x")).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(bus.stats()).toMatchObject({ published: 1, refused: 1 });
  });

  it("that comes first of its run is not lost", () => {
    const bus = new EventBus();
    const texts: unknown[] = [];
    bus.tap((event) => texts.push(dataOf(event)["text"]));
    publishChunk(bus, "a");
    publishChunk(bus, "b");
    vi.advanceTimersByTime(50);
    expect(texts.join("")).toBe("ab");
    expect(bus.runs()).toMatchObject([{ runId: "run" }]);
  });
});
