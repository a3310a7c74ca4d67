import type { BusEvent, EventBus, Subscription } from "spanbus";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publishNote, publishNotes, range, read, readOne, readToEnd, settle, shown } from "../bus/support.js";
import { clientNames } from "./clients.js";
import type { Direction, Network } from "./network.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

/**
 * Whether a client notices that its packets vanish is for its options to say: `socketTimeout` of ioredis, `socket.socketTimeout`
 * with `pingInterval` of node-redis, which then needs a `reconnectStrategy`, too, since its own gives up. `silenceMillis` sets
 * these. Without, the kernel decides, after a quarter of an hour. The connection for messages is the source's own to watch.
 */
const silenceMillis = 1000;

describe.runIf(hasRedis()).each(clientNames)("when the network fails, through %s", (name) => {
  const stages = new Stages();
  let server: RedisServer;
  let network: Network;
  beforeEach(async () => {
    server = await RedisServer.start();
    network = await stages.network(server.port);
  });
  afterEach(async () => {
    await server.stop();
  });
  const near = () => stages.connect(server.url, name);
  const far = (options = {}) => stages.connect(network.url, name, options);

  it("a relay on a slow one holds what its outbox can, slows nobody, and tells what it gave up", async () => {
    const outbox = { maxEvents: 200, maxBytes: 64 * 1024 };
    const bus = stages.bus();
    const relay = stages.relay(bus, await far(), { outbox });
    const reader = stages.source(await near()).subscribe("r");
    const local = bus.subscribe("r");
    await reader.attached;
    network.bytesPerSecond = 20_000;
    network.latencyMillis = 20;
    const [waited, bytes] = [[0], [0]];
    await publishInTurns(bus, "r", 2000, () => {
      const { queuedEvents, queuedBytes } = relay.stats();
      waited.push(queuedEvents);
      bytes.push(queuedBytes);
    });
    // The publisher is through, and local readers have everything; little of it has left.
    expect(shown(await read(local, 1000)).length).toBe(1000);
    expect(relay.stats().relayed).toBeLessThan(500);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(outbox.maxBytes);
    // Beyond the outbox there is one batch under way.
    expect(Math.max(...waited)).toBeLessThanOrEqual(outbox.maxEvents + 128);
    network.bytesPerSecond = Number.POSITIVE_INFINITY;
    network.latencyMillis = 0;
    bus.closeStream("r", "completed");
    const events = await readToEnd(reader);
    expect(accounted(events)).toBe("1 to 2000");
    expect(missed(events)).toBe(relay.stats().lost.outbox);
    expect(missed(events)).toBeGreaterThan(1000);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("a source on a slow one slows no relay, and its readers catch up when it is fast again", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, await near());
    const source = stages.source(await far(), { lookMillis: 100 });
    const reader = source.subscribe("r");
    await reader.attached;
    network.bytesPerSecond = 30_000;
    network.latencyMillis = 20;
    await publishInTurns(bus, "r", 2000);
    await relay.flush();
    expect(relay.stats()).toMatchObject({ relayed: 2000, lost: { outbox: 0 }, queuedEvents: 0 });
    expect(source.stats().published).toBeLessThan(2000);
    network.bytesPerSecond = Number.POSITIVE_INFINITY;
    network.latencyMillis = 0;
    bus.closeStream("r", "completed");
    expect(accounted(await readToEnd(reader))).toBe("1 to 2000");
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("a source that Redis cuts off for being slow reads on, and tells what is no longer kept", async () => {
    const connection = await near();
    await connection.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 32768 0 0");
    const bus = stages.bus();
    const relay = stages.relay(bus, connection);
    const reader = stages.source(await far(), { lookMillis: 100 }).subscribe("r");
    await reader.attached;
    const before = network.connections;
    network.bytesPerSecond = 20_000;
    // More than the kernel holds for it.
    const padding = "x".repeat(8000);
    for (const n of range(1, 1500)) {
      bus.publish({ runId: "r", type: "note", data: { n, padding } });
      if (n % 50 === 0) await relay.flush();
    }
    network.bytesPerSecond = Number.POSITIVE_INFINITY;
    bus.closeStream("r", "completed");
    const events = await readToEnd(reader);
    expect(accounted(events)).toBe("1 to 1500");
    expect(missed(events)).toBeGreaterThan(0);
    expect(network.connections).toBeGreaterThan(before);
  });

  const lost: readonly (readonly [string, readonly Direction[]])[] = [
    ["what it sends vanishes", ["there"]],
    ["what it is answered vanishes", ["back"]],
    ["everything vanishes", ["there", "back"]],
  ];
  it.each(lost)("a relay goes on over a new connection when %s, and sends nothing twice", async (_, directions) => {
    const bus = stages.bus();
    const relay = stages.relay(bus, await far({ silenceMillis }));
    const reader = stages.source(await near()).subscribe("r");
    publishNote(bus, "r", 1);
    await readOne(reader);
    await relay.flush();
    network.strand(directions);
    publishNotes(bus, "r", 2, 20);
    await relay.flush();
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(reader))).toEqual(range(2, 20));
    expect(network.connections).toBeGreaterThan(1);
    expect(relay.stats()).toMatchObject({ relayed: 20, queuedEvents: 0 });
  });

  it("a source goes on over new connections when its own vanish", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, await near());
    const source = stages.source(await far({ silenceMillis }), { lookMillis: 50 });
    const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await all.attached;
    publishNote(bus, "r", 1);
    await readOne(reader);
    expect(shown(await read(all, 2))).toEqual(["bus.run.opened", 1]);
    network.strand();
    publishNotes(bus, "r", 2, 10);
    await relay.flush();
    expect(shown(await read(reader, 9))).toEqual(range(2, 10));
    await tellsCut(all);
    publishNote(bus, "r", 11);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(reader))).toEqual([11]);
    expect(await typesOfWholeRun(all, bus)).toEqual(["bus.run.opened", "note", "bus.run.closed"]);
    expect((await source.runs())[0]).toMatchObject({ state: "closed" });
  });

  it("a connection for messages that vanishes is made anew without any option of the client", async () => {
    const bus = stages.bus();
    stages.relay(bus, await near());
    const source = stages.source(await far(), { lookMillis: 20 });
    const all = source.subscribeGlobal();
    await all.attached;
    publishNote(bus, "r", 1);
    await read(all, 2);
    network.strand();
    await tellsCut(all);
    publishNote(bus, "r", 2);
    expect(await typesUntil(all, "note")).toContain("note");
    expect(stages.errors.map(({ message }) => message)).toContain("PING: no answer over the connection for messages");
  });

  it("connections that are reset, or closed by half, cost nothing that is kept", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, await far());
    const source = stages.source(await far(), { lookMillis: 50 });
    const reader = source.subscribe("r");
    publishNote(bus, "r", 1);
    await readOne(reader);
    for (const round of range(1, 10)) {
      if (round % 2 === 0) network.cut();
      else network.halfClose();
      publishNotes(bus, "r", 20 * round - 18, 20 * round + 1);
      await relay.flush();
    }
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(reader))).toEqual(range(2, 201));
    expect(relay.stats()).toMatchObject({ relayed: 201, lost: { outbox: 0, refused: 0 } });
  });
});

/** Publishes notes of half a kilobyte, a few a turn. */
async function publishInTurns(
  bus: EventBus,
  runId: string,
  count: number,
  each = (): void => undefined,
): Promise<void> {
  const padding = "x".repeat(400);
  for (const n of range(1, count)) {
    bus.publish({ runId, type: "note", data: { n, padding } });
    each();
    if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await settle();
}

/** What follows upon each other without a hole that nobody told, as `1 to 9`. */
function accounted(events: readonly BusEvent[]): string {
  const stretches: { from: number; to: number }[] = [{ from: 1, to: 0 }];
  for (const event of events) {
    const last = stretches.at(-1) ?? { from: 1, to: 0 };
    if (event.type === "bus.gap") last.to += event.data.missed;
    else {
      const n = Number(shown([event])[0]);
      if (n === last.to + 1) last.to = n;
      else stretches.push({ from: n, to: n });
    }
  }
  return stretches.map(({ from, to }) => `${from} to ${to}`).join(", ");
}

function missed(events: readonly BusEvent[]): number {
  return events.reduce((sum, event) => sum + (event.type === "bus.gap" ? event.data.missed : 0), 0);
}

/** Reads until it is told that events may be missing. */
async function tellsCut(reader: Subscription): Promise<void> {
  let event = await readOne(reader);
  while (event.type !== "bus.gap") event = await readOne(reader);
  expect(event.data).toEqual({ missed: 0, reason: "cut" });
}

/** A connection that is starved may be given up once more, which is told: then another run is heard of. */
async function typesOfWholeRun(reader: Subscription, bus: EventBus): Promise<string[]> {
  for (let n = 1; ; n += 1) {
    const runId = `whole-${n}`;
    publishNote(bus, runId, 1);
    bus.closeStream(runId);
    const types: string[] = [];
    while (!types.includes("bus.run.closed") && !types.includes("bus.gap")) {
      const event = await readOne(reader);
      if (event.runId === runId || event.type === "bus.gap") types.push(event.type);
    }
    if (!types.includes("bus.gap")) return types;
  }
}

async function typesUntil(reader: Subscription, type: string): Promise<string[]> {
  const types: string[] = [];
  while (!types.includes(type)) types.push((await readOne(reader)).type);
  return types;
}
