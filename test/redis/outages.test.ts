import type { BusEvent } from "spanbus";
import { afterEach, describe, expect, it } from "vitest";
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
import { hasRedis, RedisServer, type ServerOptions } from "./redis-server.js";
import { Stages } from "./stage.js";

describe.runIf(hasRedis()).each(clientNames)("when Redis fails, through %s", (name) => {
  const servers: RedisServer[] = [];
  const stages = new Stages();
  const start = async (options?: ServerOptions): Promise<RedisServer> => {
    const server = await RedisServer.start(options);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  it("local readers read on, and what was published meanwhile arrives when it is back", async () => {
    const server = await start({ persistent: true });
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(server.url, name));
    const source = stages.source(await stages.connect(server.url, name), { lookMillis: 100 });
    const [local, remote] = [bus.subscribe("r"), source.subscribe("r")];
    publishNotes(bus, "r", 1, 3);
    expect(shown(await read(remote, 3))).toEqual([1, 2, 3]);
    await server.kill();
    publishNotes(bus, "r", 4, 6);
    expect(shown(await read(local, 6))).toEqual(range(1, 6));
    await server.start();
    const rest = await read(remote, 3);
    expect(shown(rest)).toEqual([4, 5, 6]);
    publishNote(bus, "r", 7);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(remote))).toEqual([7]);
    await relay.flush();
    expect(relay.stats()).toMatchObject({ relayed: 7, lost: { outbox: 0, refused: 0, sealed: 0 } });
  });

  it("a server that is killed again and again while events come loses none that it had taken", async () => {
    const server = await start({ persistent: true });
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(server.url, name));
    const source = stages.source(await stages.connect(server.url, name), { lookMillis: 50 });
    const reader = source.subscribe("r");
    await reader.attached;
    let n = 0;
    const publishing = setInterval(() => {
      n += 1;
      publishNote(bus, "r", n);
    }, 1);
    try {
      for (let kills = 1; kills <= 4; kills += 1) {
        const reached = relay.stats().relayed + 30;
        await until(() => relay.stats().relayed >= reached);
        await server.kill();
        await server.start();
      }
    } finally {
      clearInterval(publishing);
    }
    bus.closeStream("r", "completed");
    await relay.flush();
    expect(shown(await readToEnd(reader))).toEqual(range(1, n));
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("a server that forgot everything is told as another generation, and the run goes on", async () => {
    const server = await start();
    const bus = stages.bus();
    stages.relay(bus, await stages.connect(server.url, name), { leaseMillis: 2000 });
    const source = stages.source(await stages.connect(server.url, name), { lookMillis: 50 });
    const reader = source.subscribe("r");
    publishNotes(bus, "r", 1, 3);
    const before = await read(reader, 3);
    await server.kill();
    publishNotes(bus, "r", 4, 5);
    await server.start();
    const after = await read(reader, 3);
    expect(shown(after)).toEqual(["gap 0", 4, 5]);
    expect(dataOf(after[0])).toEqual({ missed: 0, reason: "generation", resumeAfter: before[2]?.id });
    expect(generationOf(after[1] as BusEvent)).not.toBe(generationOf(before[0] as BusEvent));
    bus.closeStream("r", "completed");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("a quiet run comes back by its lease after a server forgot it", async () => {
    const server = await start();
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(server.url, name), { leaseMillis: 2000 });
    const source = stages.source(await stages.connect(server.url, name), { lookMillis: 50 });
    publishNote(bus, "r", 1);
    await relay.flush();
    await server.kill();
    await server.start();
    await until(async () => (await source.runs().catch(() => [])).length === 1);
    expect(await source.runs()).toMatchObject([{ runId: "r", state: "open", events: 0 }]);
  });

  it("events that the server had taken and lost are told, and their numbers are not given again", async () => {
    const server = await start();
    const [connection, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus();
    const relay = stages.relay(bus, connection);
    publishNotes(bus, "r", 1, 2);
    await relay.flush();
    // As a replica that was promoted before it had everything.
    const copies = await Promise.all(
      ["meta", "events"].map(async (part) => {
        const key = `spanbus:{r}:${part}`;
        await connection.command("COPY", key, `${key}:old`);
        return key;
      }),
    );
    publishNotes(bus, "r", 3, 4);
    await relay.flush();
    for (const key of copies) await connection.command("RENAME", `${key}:old`, key);
    publishNote(bus, "r", 5);
    await relay.flush();
    const events = await read(stages.source(other).subscribe("r"), 4);
    expect(shown(events)).toEqual([1, 2, "gap 2", 5]);
    expect(events[3]?.seq).toBe(5);
  });

  it("a server that pauses delays events, and loses none", async () => {
    const server = await start();
    const [connection, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus();
    stages.relay(bus, connection);
    const reader = stages.source(other).subscribe("r");
    publishNote(bus, "r", 1);
    await readOne(reader);
    await connection.command("CLIENT", "PAUSE", "300", "ALL");
    publishNotes(bus, "r", 2, 50);
    bus.closeStream("r");
    expect(shown(await readToEnd(reader))).toEqual(range(2, 50));
  });

  it("a full server loses what the outbox cannot hold, and tells so once there is room", async () => {
    const server = await start({ args: ["--maxmemory-policy", "noeviction"] });
    const [connection, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus();
    const relay = stages.relay(bus, connection, { outbox: { maxEvents: 10 } });
    const reader = stages.source(other).subscribe("r");
    publishNote(bus, "r", 1);
    await readOne(reader);
    await connection.command("CONFIG", "SET", "maxmemory", "1");
    publishNote(bus, "r", 2);
    await until(() => stages.errors.some(({ message }) => /^EVALSHA append spanbus:\{r\}:meta: OOM/.test(message)));
    publishNotes(bus, "r", 3, 22);
    await connection.command("CONFIG", "SET", "maxmemory", "0");
    const events = await read(reader, 12);
    expect(shown(events)).toEqual([2, "gap 10", ...range(13, 22)]);
    expect(relay.stats().lost.outbox).toBe(10);
  });

  it("a reader whose connection for messages is cut misses nothing that is kept", async () => {
    const server = await start();
    const [connection, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus();
    const relay = stages.relay(bus, connection);
    const source = stages.source(other);
    const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await all.attached;
    publishNote(bus, "r", 1);
    await readOne(reader);
    await read(all, 2);
    for (const n of range(1, 20)) {
      await connection.command("CLIENT", "KILL", "TYPE", "pubsub");
      publishNotes(bus, "r", 2 * n, 2 * n + 1);
      await relay.flush();
    }
    expect(shown(await read(reader, 40))).toEqual(range(2, 41));
    // Nobody knows what the reader of all runs missed, and it is told so.
    for await (const event of all) {
      if (event.type !== "bus.gap") continue;
      expect(event.data).toEqual({ missed: 0, reason: "cut" });
      break;
    }
  });

  it("a source or relay whose client was closed ends, and says so", async () => {
    const server = await start();
    const [connection, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus();
    const relay = stages.relay(bus, connection);
    const source = stages.source(other, { lookMillis: 20 });
    const reader = source.subscribe("r");
    const all = source.subscribeGlobal();
    await Promise.all([reader.attached, all.attached]);
    connection.close();
    other.close();
    publishNote(bus, "r", 1);
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "cut" });
    expect(await readToEnd(all)).toEqual([]);
    expect(await all.ended).toEqual({ reason: "cut" });
    const lateAll = source.subscribeGlobal();
    await readToEnd(lateAll).catch(() => undefined);
    expect(await lateAll.ended).toEqual({ reason: "cut" });
    await until(() => relay.stats().lost.refused === 1);
    await expect(source.runs()).rejects.toThrow(/^EVALSHA list spanbus:runs: /);
    const late = source.subscribe("s");
    await expect(late.next()).rejects.toThrow(/closed|Connection/i);
    expect(await late.ended).toEqual({ reason: "cut" });
  });
});
