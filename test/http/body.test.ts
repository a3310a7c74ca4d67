import { EventBus } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { publishNote, publishNotes, range, restoreAfterEach, settle, stopTheClock, taken } from "../bus/support.js";
import { asker } from "./support.js";

restoreAfterEach();

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function open(bus: EventBus, init?: RequestInit, options = {}): Promise<Reader> {
  return readerOf(await asker(bus, options)("/runs/r/events", init));
}

function readerOf({ body }: Response): Reader {
  if (!body) throw new Error("there is no body");
  return body.getReader() as Reader;
}

const text = ({ value }: { value?: Uint8Array | undefined }) => new TextDecoder().decode(value);

describe("the body of a stream", () => {
  it("takes nothing off the bus before it is read, then one bounded chunk at a time", async () => {
    const bus = new EventBus();
    for (const n of range(1, 100)) bus.publish({ runId: "r", type: "note", data: { n, text: "ü".repeat(7000) } });
    const reader = await open(bus);
    await settle();
    expect(bus.stats()).toMatchObject({ delivered: 0, queuedEvents: 100 });
    const { value } = await reader.read();
    await settle();
    expect(value?.length).toBeGreaterThan(32 * 1024);
    expect(value?.length).toBeLessThan(65 * 1024);
    expect(bus.stats().delivered).toBeLessThan(6);
    await reader.cancel();
  });

  it("leaves large events on the bus also behind small ones, by which it guesses how many fit", async () => {
    const bus = new EventBus({ maxQueueSize: 2000 });
    publishNote(bus, "r", 1);
    const { body } = await asker(bus)("/runs/r/events");
    const chunks = body?.getReader();
    await chunks?.read();
    publishNote(bus, "r", 2);
    await chunks?.read();
    for (const n of range(3, 1002)) bus.publish({ runId: "r", type: "note", data: { n, text: "x".repeat(8000) } });
    await chunks?.read();
    expect(bus.stats().queuedEvents).toBeGreaterThan(900);
  });

  it("is the reader's own: what it does to the bytes nobody else sees", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const ask = asker(bus);
    const open = async () => readerOf(await ask("/runs/r/events"));
    const readers = [await open(), await open()] as const;
    for (const reader of readers) await reader.read();
    const both = readers.map((reader) => reader.read());
    publishNote(bus, "r", 2);
    const [first, second] = await Promise.all(both);
    const before = text(first ?? {});
    first?.value?.fill(0);
    expect(text(second ?? {})).toBe(before);
    for (const reader of readers) await reader.cancel();
  });

  it("sends what came together in one chunk", async () => {
    const bus = new EventBus();
    publishNotes(bus, "r", 1, 3);
    const reader = await open(bus);
    expect(text(await reader.read()).match(/^data: /gm)).toHaveLength(4);
    const next = reader.read();
    publishNotes(bus, "r", 4, 6);
    expect(text(await next).match(/^data: /gm)).toHaveLength(3);
    await reader.cancel();
  });

  it.each(["unread", "waiting"])("%s is released at once when it is cancelled", async (state) => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const reader = await open(bus);
    const waiting = state === "waiting" ? [reader.read(), reader.read()] : [];
    await settle();
    const cancelled = reader.cancel();
    expect(bus.stats().runSubscribers).toBe(0);
    await cancelled;
    expect((await Promise.all(waiting)).at(-1)?.done ?? true).toBe(true);
  });

  it.each(["unread", "waiting"])("%s is released at once when the request is aborted", async (state) => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const controller = new AbortController();
    const reader = await open(bus, { signal: controller.signal });
    const waiting = state === "waiting" ? [reader.read(), reader.read()] : [];
    await settle();
    controller.abort();
    expect(bus.stats().runSubscribers).toBe(0);
    for (const each of waiting) await each;
    let last = await reader.read();
    while (!last.done) last = await reader.read();
    expect(last.done).toBe(true);
  });

  it("that nobody begins to read leaves by itself, and one that was begun stays", async () => {
    stopTheClock();
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const timers = vi.getTimerCount();
    const ask = asker(bus, { maxConnections: 2 });
    const dropped = await ask("/runs/r/events");
    const begun = readerOf(await ask("/runs/r/events"));
    await begun.read();
    expect((await ask("/runs/r/events")).status).toBe(503);
    await vi.advanceTimersByTimeAsync(29_999);
    expect(bus.stats().runSubscribers).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(bus.stats().runSubscribers).toBe(1);
    const next = await ask("/runs/r/events");
    expect([next.status, await dropped.text()], "cut, not caught up").toEqual([200, ""]);
    await next.body?.cancel();
    await begun.cancel();
    await settle();
    expect(vi.getTimerCount()).toBe(timers);
  });

  it("of a request that was aborted before has no reader", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    await open(bus, { signal: AbortSignal.abort() });
    expect(bus.stats().runSubscribers).toBe(0);
  });
});

describe("the heartbeat", () => {
  it("comes when nothing came for its time, not sooner, and not to who does not read", async () => {
    stopTheClock();
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const timers = vi.getTimerCount();
    const reader = await open(bus, undefined, { heartbeatMillis: 1000 });
    await reader.read();
    await vi.advanceTimersByTimeAsync(5000);
    expect(vi.getTimerCount(), "no timer while nobody reads").toBe(timers);

    const first = reader.read();
    await vi.advanceTimersByTimeAsync(999);
    const { id } = taken(publishNote(bus, "r", 2));
    expect(text(await first)).toContain(id);
    await vi.advanceTimersByTimeAsync(5000);
    expect(vi.getTimerCount(), "no timer once nobody reads on").toBe(timers);

    const second = reader.read();
    await vi.advanceTimersByTimeAsync(999);
    expect(vi.getTimerCount()).toBe(timers + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(text(await second)).toBe(": heartbeat\n\n");
    const third = reader.read();
    await settle();
    await reader.cancel();
    expect((await third).done).toBe(true);
    expect(vi.getTimerCount(), "no timer behind a stream").toBe(timers);
  });

  it("of many streams is one timer, and each gets it at its time", async () => {
    stopTheClock();
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const timers = vi.getTimerCount();
    const ask = asker(bus, { heartbeatMillis: 1000 });
    const open = async () => readerOf(await ask("/runs/r/events"));
    const [first, second, third] = [await open(), await open(), await open()];
    for (const reader of [first, second, third]) await reader.read();
    const beats: string[] = [];
    const awaits = (name: string, reader: Reader) => reader.read().then(({ done }) => done || beats.push(name));
    const leaving = awaits("first", first);
    await vi.advanceTimersByTimeAsync(400);
    const earlier = awaits("second", second);
    await vi.advanceTimersByTimeAsync(300);
    const later = awaits("third", third);
    await vi.advanceTimersByTimeAsync(299);
    expect(vi.getTimerCount()).toBe(timers + 1);
    await first.cancel();
    await leaving;
    await vi.advanceTimersByTimeAsync(400);
    expect(beats).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await earlier;
    expect(beats).toEqual(["second"]);
    await vi.advanceTimersByTimeAsync(300);
    await later;
    expect(beats).toEqual(["second", "third"]);
    await Promise.all([second.cancel(), third.cancel()]);
    expect(vi.getTimerCount()).toBe(timers);
  });
});
