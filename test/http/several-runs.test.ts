import { EventBus } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { publishNote, publishNotes, range } from "../bus/support.js";
import { Client, closeAfterEach, eventOf, inAWord, serve } from "./support.js";

closeAfterEach();

describe("the stream of all runs", () => {
  it("is live only, without ids, with the begin and end of each run", async () => {
    const bus = new EventBus();
    publishNote(bus, "before", 1);
    const client = await Client.open(`${await serve(bus)}/events`);
    expect(await client.until("caught-up")).toEqual([]);
    publishNote(bus, "a", 2);
    bus.closeStream("a", "failed");
    publishNote(bus, "before", 3);
    bus.closeGlobal();
    const messages = await client.toEnd();
    expect(messages.map(inAWord)).toEqual(["bus.run.opened", 2, "bus.run.closed", 3]);
    expect(messages.map(({ id }) => id)).toEqual([undefined, undefined, undefined, undefined]);
    expect(messages.map((message) => eventOf(message).runId)).toEqual(["a", "a", "a", "before"]);
  });

  it("has only the types asked for", async () => {
    const bus = new EventBus();
    const client = await Client.open(`${await serve(bus)}/events?types=bus.run.*`);
    await client.until("caught-up");
    publishNote(bus, "a", 1);
    bus.closeStream("a");
    bus.closeGlobal();
    expect((await client.toEnd()).map(inAWord)).toEqual(["bus.run.opened", "bus.run.closed"]);
  });

  it("tells a slow client what it lost and goes on", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const client = await Client.open(`${await serve(bus)}/events`);
    await client.until("caught-up");
    publishNotes(bus, "a", 1, 9);
    bus.closeGlobal();
    // The first was under way when the others came.
    const seen = (await client.toEnd()).map(inAWord);
    expect(seen.slice(-2)).toEqual([8, 9]);
    expect(seen.filter((word) => String(word).startsWith("gap"))).toHaveLength(1);
  });
});

describe("the stream of several runs", () => {
  it("replays each, goes on live, and tells the end of each", async () => {
    const bus = new EventBus();
    publishNotes(bus, "a", 1, 2);
    publishNotes(bus, "b", 3, 4);
    publishNote(bus, "other", 5);
    const client = await Client.open(`${await serve(bus)}/events?run=a&run=b&run=a`);
    const kept = await client.until("caught-up");
    expect(kept.map(inAWord).sort()).toEqual([1, 2, 3, 4]);
    publishNote(bus, "other", 6);
    publishNote(bus, "a", 7);
    bus.closeStream("a", "completed");
    expect(await client.events(1)).toMatchObject([{ runId: "a", data: { n: 7 } }]);
    const endOfA = await client.message();
    expect(endOfA).toMatchObject({ event: "end", data: '{"runId":"a","reason":"closed","outcome":"completed"}' });
    publishNote(bus, "b", 8);
    bus.closeStream("b", "failed");
    const rest = await client.toEnd();
    expect(rest.map(inAWord)).toEqual([8, "end"]);
    expect(rest[1]?.data).toBe('{"runId":"b","reason":"closed","outcome":"failed"}');
    expect([...kept, endOfA, ...rest].map((message) => message?.id)).toEqual(Array(7).fill(undefined));
  });

  it("lets no run wait for another that has much to say", async () => {
    const bus = new EventBus();
    for (const n of range(1, 100)) bus.publish({ runId: "loud", type: "note", data: { n, text: "x".repeat(8000) } });
    publishNote(bus, "quiet", 1);
    const client = await Client.open(`${await serve(bus)}/events?run=loud&run=quiet`);
    const runs = (await client.until("caught-up")).map((message) => eventOf(message).runId);
    expect(runs.indexOf("quiet")).toBe(1);
  });

  it("is cut as a whole when one of them is dropped, and leaves no reader", async () => {
    const bus = new EventBus();
    for (const runId of ["a", "b", "c"]) publishNote(bus, runId, 1);
    const client = await Client.open(`${await serve(bus)}/events?run=a&run=b&run=c`);
    await client.until("caught-up");
    expect(bus.stats().runSubscribers).toBe(3);
    bus.dropHistory("b");
    expect(await client.toEnd()).toEqual([]);
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("releases all readers when the client leaves", async () => {
    const bus = new EventBus();
    for (const runId of ["a", "b", "c"]) publishNote(bus, runId, 1);
    const client = await Client.open(`${await serve(bus)}/events?run=a&run=b&run=c`);
    await client.until("caught-up");
    client.cut();
    await vi.waitFor(() => expect(bus.stats().runSubscribers).toBe(0));
  });

  it("needs all of them to be known, or waits for all", async () => {
    const bus = new EventBus();
    publishNote(bus, "a", 1);
    const url = await serve(bus);
    expect((await Client.open(`${url}/events?run=a&run=b`)).status).toBe(404);
    expect(bus.stats().runSubscribers).toBe(0);
    const waiting = await Client.open(`${url}/events?run=a&run=b&wait`);
    expect((await waiting.until("caught-up")).map(inAWord)).toEqual([1]);
    publishNote(bus, "b", 2);
    expect(await waiting.events(1)).toMatchObject([{ runId: "b", data: { n: 2 } }]);
  });
});
