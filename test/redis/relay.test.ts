import { beforeEach, describe, expect, it } from "vitest";
import {
  dataOf,
  generationOf,
  publishNote,
  publishNotes,
  range,
  read,
  readOne,
  readToEnd,
  shown,
} from "../bus/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

describe.runIf(hasRedis()).each(clientNames)("a relay through %s", (name) => {
  const { stages, one, other } = servedStage(name);
  beforeEach(() => one.command("SCRIPT", "FLUSH"));

  it("carries on when the server has forgotten the scripts", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const reader = stages.source(other).subscribe("r");
    for (let n = 1; n <= 5; n += 1) {
      publishNote(bus, "r", n);
      await relay.flush();
      await one.command("SCRIPT", "FLUSH");
    }
    expect(shown(await read(reader, 5))).toEqual(range(1, 5));
    expect(stages.errors).toEqual([]);
  });

  it("takes half a character in what the list of runs shows, and with it all that comes behind", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const half = "bot \ud83d";
    bus.publish({ runId: "r", type: "note", traceId: half, data: { n: 1, agentName: half, conversationId: half } });
    await relay.flush();
    publishNote(bus, "r", 2);
    bus.closeStream("r", "completed");
    await relay.flush();
    const source = stages.source(other);
    const reader = source.subscribe("r");
    const events = await readToEnd(reader);
    expect(shown(events)).toEqual([1, 2]);
    expect(events[0]).toMatchObject({ traceId: half, data: { agentName: half, conversationId: half } });
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    const whole = "bot \ufffd";
    expect(await source.runs()).toMatchObject([{ agentName: whole, conversationId: whole, traceIds: [whole] }]);
    expect(stages.errors).toEqual([]);
  });

  it("puts the events of several buses into one order, which every reader sees", async () => {
    const buses = [stages.bus(), stages.bus()] as const;
    const relays = [stages.relay(buses[0], one), stages.relay(buses[1], other)] as const;
    const source = stages.source(one);
    const live = source.subscribe("r");
    await live.attached;
    for (let n = 1; n <= 100; n += 1) {
      for (const [index, bus] of buses.entries()) publishNote(bus, "r", 1000 * index + n);
      if (n % 10 === 0) await Promise.race(relays.map((relay) => relay.flush()));
    }
    await Promise.all(relays.map((relay) => relay.flush()));
    const events = await read(live, 200);
    expect(events.map(({ seq }) => seq)).toEqual(range(1, 200));
    expect(new Set(events.map(generationOf)).size).toBe(1);
    for (const from of [0, 1000]) {
      const own = shown(events).filter((n) => Math.floor((Number(n) - 1) / 1000) * 1000 === from);
      expect(own).toEqual(range(from + 1, from + 100));
    }
    expect(await read(stages.source(other).subscribe("r"), 200)).toEqual(events);
  });

  it("leaves a run that its bus dropped in Redis, closed, until its keys are deleted there", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other);
    const reader = source.subscribe("r");
    publishNotes(bus, "r", 1, 3);
    await relay.flush();
    expect(bus.dropHistory("r")).toBe(true);
    await relay.flush();
    expect(shown(await readToEnd(reader))).toEqual(range(1, 3));
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "unknown" });
    expect(shown(await source.history("r"))).toEqual(range(1, 3));

    await one.command("DEL", ...["meta", "events", "traces"].map((key) => `spanbus:{r}:${key}`));
    expect(await source.history("r")).toEqual([]);
    expect(await source.standing("r")).toBeUndefined();
    expect(await source.runs()).toEqual([]);
    expect((await one.command("KEYS", "*r}*")) as string[]).toEqual([]);
    publishNote(bus, "r", 4);
    expect(shown(await read(source.subscribe("r"), 1))).toEqual([4]);
  });

  it("that closed a run has sealed it for the others, too", async () => {
    const [owner, guest] = [stages.bus(), stages.bus()];
    const [ownRelay, guestRelay] = [stages.relay(owner, one), stages.relay(guest, other)];
    publishNote(owner, "r", 1);
    await ownRelay.flush();
    publishNote(guest, "r", 2);
    await guestRelay.flush();
    owner.closeStream("r", "completed");
    await ownRelay.flush();
    publishNotes(guest, "r", 3, 5);
    await guestRelay.flush();
    const reader = stages.source(one).subscribe("r");
    expect(shown(await readToEnd(reader))).toEqual([1, 2]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(guestRelay.stats()).toMatchObject({ relayed: 1, lost: { sealed: 3 } });
  });

  it("that is closed lets go of its open runs: their readers end as detached, and the next goes on with them", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    publishNote(bus, "r", 1);
    const source = stages.source(other);
    const reader = source.subscribe("r");
    expect(shown([await readOne(reader)])).toEqual([1]);
    await relay.close();
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "detached" });

    stages.relay(bus, one);
    publishNote(bus, "r", 2);
    await until(async () => (await source.runs())[0]?.state === "open");
    const next = await read(source.subscribe("r"), 2);
    expect(shown(next)).toEqual([1, 2]);
    expect(next[1]?.seq).toBe(2);
  });

  it("leaves the run to the other producers when it is closed", async () => {
    const [bus, guest] = [stages.bus(), stages.bus()];
    const [relay, guestRelay] = [stages.relay(bus, one), stages.relay(guest, other)];
    publishNote(bus, "r", 1);
    await relay.flush();
    publishNote(guest, "r", 2);
    await guestRelay.flush();
    await guestRelay.close();
    const reader = stages.source(other).subscribe("r");
    publishNote(bus, "r", 3);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(reader))).toEqual([1, 2, 3]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("reads nothing back: with a source in the same process events come once", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const reader = stages.source(one).subscribe("r");
    await reader.attached;
    publishNotes(bus, "r", 1, 3);
    expect(shown(await read(reader, 3))).toEqual([1, 2, 3]);
    await relay.flush();
    expect(relay.stats().relayed).toBe(3);
    expect(bus.stats().published).toBe(3);
  });

  it("keeps the newest runs, and tells readers of those that go", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { maxRuns: 2 });
    const source = stages.source(other);
    publishNote(bus, "a", 1);
    bus.closeStream("a");
    await relay.flush();
    for (const runId of ["b", "c"]) {
      publishNote(bus, runId, 1);
      await relay.flush();
    }
    expect((await source.runs()).map(({ runId }) => runId)).toEqual(["c", "b"]);
    expect(await source.history("a")).toEqual([]);
    const reader = source.subscribe("b");
    expect(shown([await readOne(reader)])).toEqual([1]);
    publishNote(bus, "d", 1);
    expect(await reader.ended).toEqual({ reason: "evicted" });
    // It is open: its identity stays, and its next event goes on with it.
    publishNote(bus, "b", 2);
    await relay.flush();
    expect((await readOne(source.subscribe("b"))).seq).toBe(2);
  });

  it("keeps a quiet run for as long as it is open, and a closed one for its time", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { retentionMillis: 300, leaseMillis: 1500 });
    const source = stages.source(other, { lookMillis: 20 });
    publishNote(bus, "r", 1);
    await relay.flush();
    const ttl = async () => Number(await one.command("PTTL", "spanbus:{r}:events"));
    expect(await ttl()).toBeGreaterThan(300);
    const reader = source.subscribe("r");
    await readOne(reader);
    // For longer than it would be kept without.
    const lease = async () => Number(await one.command("HGET", "spanbus:{r}:meta", "lease"));
    const first = await lease();
    await until(async () => (await lease()) > first + 2000);
    expect(await ttl()).toBeGreaterThan(300);
    expect((await source.runs())[0]?.state).toBe("open");
    bus.closeStream("r", "completed");
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(await ttl()).toBeLessThanOrEqual(300);
    await until(async () => (await source.runs()).length === 0);
    expect(await one.command("KEYS", "spanbus:{r}*")).toEqual([]);
  });

  it("and a source take the same number of connections for one reader and for hundreds", async () => {
    const source = stages.source(other);
    const bus = stages.bus();
    stages.relay(bus, one);
    await source.subscribe("0").attached;
    const connections = async () =>
      String(await one.command("CLIENT", "LIST"))
        .trim()
        .split("\n").length;
    const before = await connections();
    const readers = range(0, 299).map((index) => source.subscribe(String(index % 100)));
    await Promise.all(readers.map((reader) => reader.attached));
    expect(await connections()).toBe(before);
    for (const index of range(0, 99)) publishNote(bus, String(index), index);
    for (const [index, reader] of readers.entries()) expect(shown([await readOne(reader)])).toEqual([index % 100]);
    for (const reader of readers) reader.close();
    expect(source.stats().runSubscribers).toBe(1);
  });

  it("gives up the oldest when too much waits, chunks first, and readers are told how many", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 10 } });
    const reader = stages.source(other).subscribe("r");
    await reader.attached;
    // Nothing is sent before this turn is over.
    for (const n of range(1, 20)) publishNote(bus, "r", n, n <= 5 ? "agent.model.chunk" : "note");
    await relay.flush();
    const events = await read(reader, 11);
    expect(relay.stats()).toMatchObject({ relayed: 10, lost: { outbox: 10 }, queuedEvents: 0, queuedBytes: 0 });
    expect(shown(events)).toEqual(["gap 10", ...range(11, 20)]);
    expect(dataOf(events[0])).toEqual({ missed: 10, reason: "cut" });
    expect(events.slice(1).map(({ seq }) => seq)).toEqual(range(11, 20));
  });
});
