import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventSource } from "eventsource";
import { type BusEvent, EventBus } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { Dice, publishNote, publishNotes, range, taken } from "../bus/support.js";
import { Client, closeAfterEach, eventOf, inAWord, serve } from "./support.js";

closeAfterEach();

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const MEGABYTE = 1024 * 1024;

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Bytes in use by the process: its heap, and the buffers outside of it. */
async function memoryInUse(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await turn();
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe("1000 clients of one run", () => {
  it("each get every event once and in order", { timeout: 60_000 }, async () => {
    const bus = new EventBus();
    publishNotes(bus, "r", 1, 50);
    const url = `${await serve(bus)}/runs/r/events`;
    const reading: Promise<(number | string)[]>[] = [];
    for (let opened = 0; opened < 1000; opened += 100) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => Client.open(url)));
      for (const client of clients) reading.push(client.toEnd().then((messages) => messages.map(inAWord)));
      publishNotes(bus, "r", 51 + opened / 10, 60 + opened / 10);
    }
    expect(bus.stats().runSubscribers).toBe(1000);
    bus.closeStream("r");
    for (const words of await Promise.all(reading)) {
      expect(words.filter((word) => word !== "caught-up")).toEqual([...range(1, 150), "end"]);
    }
    expect(bus.stats().dropped).toBe(0);
  });
});

describe("200 clients that stall", () => {
  const EVENTS = 100_000;
  const BATCH = 500;
  const text = "x".repeat(500);

  it("cost nothing more while 100 000 events pass, and others feel nothing", { timeout: 120_000 }, async () => {
    const bus = new EventBus();
    const note = (n: number) => taken(bus.publish({ runId: "r", type: "note", data: { n, text } }));
    note(0);
    const url = `${await serve(bus)}/runs/r/events`;
    const attentive = await Client.open(url);
    await attentive.until("caught-up");
    const stalled = await Promise.all(Array.from({ length: 200 }, () => Client.open(url)));

    let afterTheBuffersFilled = 0;
    let read = 0;
    for (let first = 1; first <= EVENTS; first += BATCH) {
      for (const n of range(first, first + BATCH - 1)) note(n);
      for (const event of await attentive.events(BATCH)) if (numberOf(event) === read + 1) read += 1;
      if (first === EVENTS / 2 + 1) afterTheBuffersFilled = await memoryInUse();
    }
    const grown = (await memoryInUse()) - afterTheBuffersFilled;
    expect(read, "the attentive client saw all, in order").toBe(EVENTS);
    expect(bus.stats().runSubscribers).toBe(201);
    expect(grown).toBeLessThan(8 * MEGABYTE);
    expect(bus.stats().dropped, "each lost its oldest").toBeGreaterThan((200 * EVENTS) / 2);

    // One of them wakes up: what was sent before, a gap with the exact number, the newest.
    const [sleeper] = stalled;
    bus.closeStream("r", "completed");
    const messages = (await sleeper?.toEnd()) ?? [];
    const events = messages.filter(({ event }) => event === undefined).map(eventOf);
    let missed = 0;
    for (const event of events) if (event.type === "bus.gap") missed += event.data.missed;
    expect(missed).toBeGreaterThan(EVENTS / 2);
    expect(events.filter(({ type }) => type !== "bus.gap").length + missed).toBe(EVENTS + 1);
    expect(numberOf(taken(events.at(-1)))).toBe(EVENTS);
    expect(messages.at(-1)?.event).toBe("end");
  });
});

function numberOf(event: BusEvent): unknown {
  return (event.data as unknown as { n?: unknown }).n;
}

describe("a client that is cut and comes back 50 times, at random", () => {
  it.each([1, 2, 3])("sees each event exactly once (seed %i)", { timeout: 60_000 }, async (seed) => {
    const dice = new Dice(seed);
    const bus = new EventBus({ historyPerRun: 5000 });
    const url = `${await serve(bus)}/runs/r/events?wait`;
    const seen: (number | string)[] = [];
    let lastId = "";
    let published = 0;
    let ended = false;
    const publishSome = (): void => {
      const some = published - seen.length < 200 ? dice.from(0, 30) : 0;
      for (let n = 0; n < some; n += 1) {
        published += 1;
        bus.publish({ runId: "r", type: "note", data: { n: published, text: "ü".repeat(dice.from(0, 3000)) } });
      }
    };
    for (let cuts = 0; !ended; cuts += 1) {
      const client = await Client.open(url, lastId === "" ? {} : { "Last-Event-ID": lastId });
      publishSome();
      if (cuts === 50) bus.closeStream("r", "completed");
      // What a cut leaves behind in the client's buffers is lost to it, whole messages and half of one.
      for (let left = cuts < 50 ? dice.from(0, 40) : Number.POSITIVE_INFINITY; left > 0 && !ended; left -= 1) {
        if (cuts < 50 && seen.at(-1) === published) break;
        const message = await client.message();
        if (!message) throw new Error("the body ended without `end`");
        lastId = message.id ?? lastId;
        ended = message.event === "end";
        if (message.event === undefined) seen.push(inAWord(message));
        if (cuts < 50 && dice.chance(0.2)) publishSome();
      }
      client.cut();
    }
    expect(seen).toEqual(range(1, published));
    expect((await Client.open(url, { "Last-Event-ID": lastId })).status).toBe(204);
    await vi.waitFor(() => expect(bus.stats().runSubscribers).toBe(0));
  });
});

describe("EventSource", () => {
  it("stops by itself at the end of a run", async () => {
    const bus = new EventBus();
    publishNotes(bus, "r", 1, 2);
    const source = new EventSource(`${await serve(bus)}/runs/r/events`);
    const seen: unknown[] = [];
    source.onmessage = ({ data }) => seen.push(numberOf(JSON.parse(data)));
    source.addEventListener("end", ({ data }) => seen.push(JSON.parse(data)));
    await once(source as unknown as EventTarget, "caught-up");
    publishNote(bus, "r", 3);
    bus.closeStream("r", "completed");
    // Its first error is the end of the body, after which it comes back; the answer to that is the last it hears.
    do await once(source as unknown as EventTarget, "error");
    while (source.readyState !== EventSource.CLOSED);
    expect(seen).toEqual([1, 2, 3, { reason: "closed", outcome: "completed" }]);
  });
});

describe("a limit of connections", () => {
  it("is told by 503 with `Retry-After`, and free again when a client leaves", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const url = `${await serve(bus, { maxConnections: 2 })}/runs/r/events`;
    const [first] = [await Client.open(url), await Client.open(url)];
    const refused = await Client.open(url);
    expect(refused.status).toBe(503);
    expect(refused.response.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(refused.response.headers["content-type"]).toBe("application/problem+json");
    first.cut();
    await vi.waitFor(async () => expect((await Client.open(url)).status).toBe(200));
  });

  it("is not reached by runs that are over", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    bus.closeStream("r");
    const url = `${await serve(bus, { maxConnections: 1 })}/runs/r/events`;
    for (let n = 0; n < 3; n += 1) expect((await (await Client.open(url)).toEnd()).at(-1)?.event).toBe("end");
  });

  it("counts a stream of several runs until the last of them is over", async () => {
    const bus = new EventBus();
    for (const runId of ["a", "b"]) publishNote(bus, runId, 1);
    const url = await serve(bus, { maxConnections: 1 });
    const both = await Client.open(`${url}/events?run=a&run=b`);
    bus.closeStream("a");
    await both.until("end");
    expect((await Client.open(`${url}/runs/a/events`)).status).toBe(503);
    bus.closeStream("b");
    await both.until("end");
    expect((await Client.open(`${url}/runs/a/events`)).status).toBe(200);
  });

  it("of the bus is told the same way, and leaves no reader of the others", async () => {
    const bus = new EventBus({ maxGlobalSubscribers: 1, maxRunSubscribers: 2 });
    for (const runId of ["a", "b", "c"]) publishNote(bus, runId, 1);
    const url = await serve(bus);
    expect((await Client.open(`${url}/events`)).status).toBe(200);
    expect((await Client.open(`${url}/events`)).status).toBe(503);
    expect((await Client.open(`${url}/events?run=a&run=b&run=c`)).status).toBe(503);
    expect(bus.stats().runSubscribers).toBe(0);
  });
});
