import type { BusEvent, Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import { dataOf, publishNote, publishNotes, range, read, readOne, readToEnd, shown } from "../bus/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

describe.runIf(hasRedis()).each(clientNames)("a producer that is lost, through %s", (name) => {
  const { stages, server, one, other } = servedStage(name, { persistent: true });
  const named = (events: readonly BusEvent[]) => events.map(({ runId, type }) => `${runId} ${type}`);
  const readUntil = async (reader: Subscription, isLast: (event: BusEvent) => boolean): Promise<BusEvent[]> => {
    const events = [await readOne(reader)];
    while (!isLast(events.at(-1) as BusEvent)) events.push(await readOne(reader));
    return events;
  };

  it("is told once to every reader of all runs, by whichever source finds it", async () => {
    const sources = range(1, 4).map((n) => stages.source(n % 2 ? one : other, { lookMillis: 200 }));
    const readers = sources.map((source) => source.subscribeGlobal());
    await Promise.all(readers.map((reader) => reader.attached));
    const dead = await stages.connect(server.url, name);
    const [lost, alive] = [stages.bus(), stages.bus()];
    const relay = stages.relay(lost, dead, { leaseMillis: 300 });
    const living = stages.relay(alive, one, { leaseMillis: 3000 });
    publishNote(lost, "lost", 1);
    await relay.flush();
    dead.close();
    publishNote(alive, "alive", 1);
    await living.flush();
    const firsts = await Promise.all(
      readers.map((reader) => readUntil(reader, ({ runId, type }) => runId === "lost" && type === "bus.run.closed")),
    );
    for (const first of firsts) expect(dataOf(first.at(-1))).toEqual({ outcome: "abandoned" });
    alive.closeStream("alive", "completed");
    for (const [index, reader] of readers.entries()) {
      const rest = await readUntil(reader, ({ runId, type }) => runId === "alive" && type === "bus.run.closed");
      const closed = [...(firsts[index] ?? []), ...rest].filter(({ type }) => type === "bus.run.closed");
      expect(named(closed)).toEqual(["lost bus.run.closed", "alive bus.run.closed"]);
    }
    expect((await sources[0]?.runs())?.find(({ runId }) => runId === "lost")).toMatchObject({
      state: "closed",
      outcome: "abandoned",
    });
    await until(async () => (await one.command("ZCARD", "spanbus:leases")) === 0);
  });

  it("is told to readers of the run by the same message", async () => {
    const source = stages.source(other, { lookMillis: 60_000 });
    const reader = source.subscribe("r");
    const dead = await stages.connect(server.url, name);
    const bus = stages.bus();
    const relay = stages.relay(bus, dead, { leaseMillis: 300 });
    publishNote(bus, "r", 1);
    await readOne(reader);
    await relay.flush();
    dead.close();
    await stages.source(one, { lookMillis: 200 }).subscribeGlobal().attached;
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
  });

  it("is told as begun again when another goes on with its run", async () => {
    const source = stages.source(other, { lookMillis: 200 });
    const all = source.subscribeGlobal();
    await all.attached;
    const dead = await stages.connect(server.url, name);
    const first = stages.bus();
    const relay = stages.relay(first, dead, { leaseMillis: 1000 });
    publishNote(first, "r", 1);
    await relay.flush();
    dead.close();
    expect(named(await read(all, 3))).toEqual(["r bus.run.opened", "r note", "r bus.run.closed"]);
    const next = stages.bus();
    stages.relay(next, one);
    publishNote(next, "r", 2);
    next.closeStream("r", "completed");
    const rest = await read(all, 3);
    expect(named(rest)).toEqual(["r bus.run.opened", "r note", "r bus.run.closed"]);
    expect(dataOf(rest[2])).toEqual({ outcome: "completed" });
    expect(shown(await readToEnd(source.subscribe("r")))).toEqual([1, 2]);
  });

  it("was only silent when it is heard again before all are told: its run goes on, and is not begun again", async () => {
    const network = await stages.network(server.port);
    const bus = stages.bus();
    stages.relay(bus, await stages.connect(network.url, name), { leaseMillis: 300 });
    const all = stages.source(other, { lookMillis: 60_000 }).subscribeGlobal();
    await all.attached;
    const source = stages.source(one, { lookMillis: 50 });
    const early = source.subscribe("r");
    publishNote(bus, "r", 1);
    expect(shown(await read(early, 1))).toEqual([1]);
    network.isDown = true;
    network.cut();
    expect(await readToEnd(early)).toEqual([]);
    expect(await early.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
    network.isDown = false;
    await until(async () => (await source.standing("r"))?.state === "open");
    const late = source.subscribe("r");
    await late.attached;
    publishNote(bus, "r", 2);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(late))).toEqual([1, 2]);
    expect(await late.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(named(await read(all, 4))).toEqual(["r bus.run.opened", "r note", "r note", "r bus.run.closed"]);
  });

  it("is not missed because Redis was away for longer than its lease", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { leaseMillis: 1000 });
    const source = stages.source(other, { lookMillis: 200 });
    const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await all.attached;
    publishNote(bus, "r", 1);
    await readOne(reader);
    await Promise.all([read(all, 2), relay.flush()]);
    const lease = Number(await one.command("HGET", "spanbus:{r}:meta", "lease"));
    await server.kill();
    await until(() => Date.now() > lease + 300);
    await server.start();
    publishNotes(bus, "r", 2, 3);
    expect(shown(await read(reader, 2))).toEqual([2, 3]);
    await readUntil(all, ({ type }) => type === "bus.gap");
    bus.closeStream("r", "completed");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    const closed = await readUntil(all, ({ type }) => type === "bus.run.closed");
    expect(dataOf(closed.at(-1))).toEqual({ outcome: "completed" });
  });
});
