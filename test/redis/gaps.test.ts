import type { BusEvent } from "spanbus";
import { describe, expect, it } from "vitest";
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
  taken,
} from "../bus/support.js";
import { withContextManager } from "../otel/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

withContextManager();

describe.runIf(hasRedis()).each(clientNames)("what is missing is told exactly, through %s:", (name) => {
  const { stages, server, one, other } = servedStage(name);

  it("events that are not kept, at the very places where their messages were lost", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const network = await stages.network(server.port);
    const reader = stages.source(await stages.connect(network.url, name)).subscribe("r");
    publishNote(bus, "r", 1);
    const first = await readOne(reader);
    network.isDown = true;
    network.cut();
    publishNote(bus, "r", 2);
    for (const n of [3, 4]) publishNote(bus, "r", n, "agent.model.chunk");
    publishNote(bus, "r", 5);
    publishNote(bus, "r", 6, "agent.model.chunk");
    await relay.flush();
    network.isDown = false;
    const events = await read(reader, 4);
    expect(shown(events)).toEqual([2, "gap 2", 5, "gap 1"]);
    const idOf = (seq: number): string => `${generationOf(first)}.${seq}`;
    expect(events.map(({ id }) => id)).toEqual([2, 4, 5, 6].map(idOf));
    expect(dataOf(events[1])).toEqual({ missed: 2, reason: "cut", resumeAfter: idOf(2) });
    expect(dataOf(events[3])).toEqual({ missed: 1, reason: "cut", resumeAfter: idOf(5) });
  });

  it("the end of the life that was read, although others began and ended while nothing came through", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const network = await stages.network(server.port);
    const source = stages.source(await stages.connect(network.url, name));
    const reader = source.subscribe("r");
    await reader.attached;
    const live = async (act: () => unknown) => {
      await bus.run("r", async () => act());
      bus.closeStream("r", "completed");
      await relay.flush();
    };
    await live(async () => {
      bus.emit("note", { n: 1 });
      const [first] = await read(reader, 1);
      expect(shown([taken(first)])).toEqual([1]);
      network.isDown = true;
      network.cut();
      bus.emit("note", { n: 2 });
      bus.emit("agent.model.chunk", { n: 3 });
    });
    for (const n of [4, 5, 6]) await live(() => bus.emit("note", { n }));
    network.isDown = false;
    const rest = await readToEnd(reader);
    expect(shown(rest)).toEqual(["gap 2"]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    const generation = generationOf(taken(rest[0]));
    expect(await source.standing("r", generation)).toMatchObject({ state: "closed", lastId: `${generation}.3` });
    expect(shown(await readToEnd(source.subscribe("r")))).toEqual([6]);
  });

  it("what a slow reader lost, with what a gap that it lost would have told", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 10 } });
    const source = stages.source(other, { maxQueueSize: 20 });
    const [slow, batches] = [source.subscribe("r"), source.subscribe("r").batches()];
    await slow.attached;
    publishNotes(bus, "r", 1, 5);
    await relay.flush();
    // Twice as many as the outbox holds.
    publishNotes(bus, "r", 6, 25);
    await relay.flush();
    await until(() => source.stats().published === 15);
    const { value } = await batches.next();
    expect(shown(value ?? [])).toEqual([...range(1, 5), "gap 10", ...range(16, 25)]);
    // A gap is no event.
    expect(source.stats().delivered).toBe(15);
    for (const n of range(26, 100)) {
      publishNote(bus, "r", n);
      if (n % 10 === 0) await relay.flush();
    }
    bus.closeStream("r");
    await until(() => source.stats().published === 90);
    expect(slow.dropped).toBe(70);
    const events = await readToEnd(slow);
    expect(shown(events)).toEqual(["gap 80", ...range(81, 100)]);
    expect(dataOf(events[0])).toEqual({ missed: 80, reason: "lagged" });
    expect(slow.dropped).toBe(70);
  });

  it("ends that an outbox could not hold, by the lease of who wrote them", async () => {
    const network = await stages.network(server.port);
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(network.url, name), {
      outbox: { maxEvents: 2 },
      leaseMillis: 1000,
    });
    const source = stages.source(other, { lookMillis: 50 });
    const runIds = ["a", "b", "c", "d", "e"];
    for (const runId of runIds) {
      publishNote(bus, runId, 1);
      await relay.flush();
    }
    const reader = source.subscribe("a");
    await reader.attached;
    network.isDown = true;
    network.cut();
    for (const runId of runIds) bus.closeStream(runId, "completed");
    expect(relay.stats().queuedEvents).toBeLessThanOrEqual(2);
    network.isDown = false;
    await relay.flush();
    await until(async () => (await source.standing("e"))?.state === "closed");
    expect((await source.standing("e"))?.end).toEqual({ reason: "closed", outcome: "completed" });
    expect(shown(await readToEnd(reader))).toEqual([1]);
    expect((await reader.ended).reason).toBe("producer-lost");
  });

  it("another generation, also to a reader that was too slow to see it begin", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other, { maxQueueSize: 5, lookMillis: 50 });
    const slow = source.subscribe("r");
    await slow.attached;
    publishNotes(bus, "r", 1, 3);
    const [first] = await read(slow, 1);
    await relay.flush();
    await one.command("FLUSHALL");
    for (const n of range(4, 23)) {
      publishNote(bus, "r", n);
      await relay.flush();
    }
    bus.closeStream("r");
    await until(() => source.stats().published === 23);
    const events = await readToEnd(slow);
    expect(shown(events).slice(1)).toEqual(range(19, 23));
    // Two of the old generation, and fifteen of the new one.
    expect(dataOf(events[0])).toEqual({ missed: 17, reason: "generation" });
    expect(generationOf(taken(events[1]))).not.toBe(generationOf(taken(first)));
  });

  it("what somebody else deleted", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other);
    publishNotes(bus, "r", 1, 10);
    await relay.flush();
    const { id } = taken((await source.history("r"))[3]);
    // As a server does whose policy for full memory is to evict.
    await one.command("DEL", "spanbus:{r}:events");
    const before = source.subscribe("r", { after: id });
    expect(dataOf(await readOne(before))).toEqual({ missed: 6, reason: "evicted", resumeAfter: id });
    publishNotes(bus, "r", 11, 12);
    bus.closeStream("r");
    expect(shown(await readToEnd(before))).toEqual([11, 12]);
    await relay.flush();
    expect(shown(await readToEnd(source.subscribe("r", { after: id })))).toEqual(["gap 6", 11, 12]);
  });

  it("nothing to a reader that comes when the run was evicted and goes on, while an older one still sleeps", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { maxRuns: 2 });
    const source = stages.source(other);
    const sleeping = source.subscribe("r");
    await sleeping.attached;
    publishNote(bus, "r", 1);
    await relay.flush();
    for (const runId of ["s", "t"]) {
      publishNote(bus, runId, 1);
      await relay.flush();
    }
    expect(await source.history("r")).toEqual([]);
    const late = source.subscribe("r");
    await late.attached;
    publishNote(bus, "r", 2);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(late))).toEqual([2]);
    expect(await late.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(shown(await readToEnd(sleeping))).toEqual([1]);
    expect(await sleeping.ended).toEqual({ reason: "evicted" });
  });

  describe("to a reader of all runs of which `where` hides some,", () => {
    const where = ({ runId }: BusEvent): boolean => runId.startsWith("own");

    it("what the outbox lost of those that it shows, and of others that something is missing, but not of whom", async () => {
      const bus = stages.bus();
      const relay = stages.relay(bus, one, { outbox: { maxEvents: 2 } });
      const source = stages.source(other);
      const types = ["other"];
      const byRun = source.subscribeGlobal({ where });
      const byType = source.subscribeGlobal({ types });
      const byBoth = source.subscribeGlobal({ types, where });
      await Promise.all([byRun, byType, byBoth].map(({ attached }) => attached));
      for (const runId of ["hidden", "own"]) {
        publishNotes(bus, runId, 1, 9);
        await relay.flush();
      }
      const ofOwn = await read(byRun, 5);
      expect(shown(ofOwn)).toEqual(["gap 0", "bus.run.opened", "gap 7", 8, 9]);
      expect(runsOf(ofOwn)).toEqual(["own"]);
      expect((await read(byType, 2)).map(({ runId }) => runId)).toEqual(["hidden", "own"]);
      expect((await readOne(byBoth)).runId).toBe("own");
    });

    it("a cut, behind the last event that it was given", async () => {
      const bus = stages.bus();
      const relay = stages.relay(bus, one);
      const source = stages.source(other);
      const reader = source.subscribeGlobal({ where });
      await reader.attached;
      publishNote(bus, "own", 1);
      const [, last] = await read(reader, 2);
      publishNote(bus, "hidden", 1);
      await relay.flush();
      await until(() => source.stats().published === 4);
      await one.command("CLIENT", "KILL", "TYPE", "pubsub");
      const { id, runId, data } = await readOne(reader);
      expect([id, runId, data]).toEqual([last?.id, "own", { missed: 0, reason: "cut" }]);
    });

    it("a cut before its first event with that, whatever comes of others", async () => {
      const bus = stages.bus();
      const relay = stages.relay(bus, one);
      const source = stages.source(other);
      const reader = source.subscribeGlobal({ where });
      await reader.attached;
      publishNote(bus, "hidden", 1);
      await relay.flush();
      await one.command("CLIENT", "KILL", "TYPE", "pubsub");
      await until(() => source.stats().reconnects > 0);
      for (const runId of ["hidden", "own"]) {
        publishNote(bus, runId, 2);
        await relay.flush();
      }
      const events = await read(reader, 3);
      expect(shown(events)).toEqual(["gap 0", "bus.run.opened", 2]);
      expect(runsOf(events)).toEqual(["own"]);
      expect(source.stats().gaps.cut).toBe(1);
    });
  });

  it("nothing when a server had too many clients for a while", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    publishNote(bus, "r", 1);
    await relay.flush();
    await other.command("CONFIG", "SET", "maxclients", "1");
    await other.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    publishNotes(bus, "r", 2, 5);
    await until(() => stages.errors.length > 0 || relay.stats().lost.refused > 0);
    await other.command("CONFIG", "SET", "maxclients", "1000");
    await relay.flush();
    expect(shown(await stages.source(other).history("r"))).toEqual(range(1, 5));
    expect(relay.stats()).toMatchObject({ relayed: 5, lost: { refused: 0 } });
  });
});

function runsOf(events: readonly BusEvent[]): string[] {
  return [...new Set(events.map(({ runId }) => runId))];
}
