import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { RedisError, RedisEventSource, RedisRelay, type RedisRelayOptions } from "spanbus/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publishNote, publishNotes, readOne, readToEnd, shown } from "../bus/support.js";
import { type Connection, clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

describe("a relay or source refuses", () => {
  const bus = new EventBus();
  const client = createClient();
  const relay = (options: unknown) => () => new RedisRelay(bus, options as RedisRelayOptions);

  it("what is no client of Redis", () => {
    for (const given of [undefined, null, "redis://localhost", {}, { get: () => 1 }, new Map()]) {
      const message = "`client` must be a client of node-redis (`@redis/client`, `redis`) or of `ioredis`, got ";
      expect(relay({ client: given })).toThrow(message);
      expect(() => new RedisEventSource({ client: given as never })).toThrow(message);
    }
    expect(relay(undefined)).toThrow("`options` must be an object, got undefined");
    expect(() => new RedisRelay({} as never, { client })).toThrow("`bus` must be an EventBus, got [object Object]");
  });

  it("a client that changes the names of keys", () => {
    const prefixed = new Redis({ keyPrefix: "app:", lazyConnect: true });
    for (const given of [prefixed, createClient({ keyPrefix: "app:" })]) {
      expect(relay({ client: given })).toThrow(
        '`client` must be a client without a key prefix of its own; use `keyPrefix` of spanbus, got "app:"',
      );
    }
    prefixed.disconnect();
  });

  it.each([
    [{ keyPrefix: "" }, '`keyPrefix` must be 1 to 128 visible ASCII characters, got ""'],
    [{ keyPrefix: 3 }, "`keyPrefix` must be a string, got 3"],
    [{ historyPerRun: 0 }, "`historyPerRun` must be a positive integer, got 0"],
    [{ maxRuns: "9" }, '`maxRuns` must be a positive integer, got "9"'],
    [{ retentionMillis: -1 }, "`retentionMillis` must be a positive integer, got -1"],
    [{ leaseMillis: Number.NaN }, "`leaseMillis` must be a positive integer, got NaN"],
    [{ outbox: 5 }, "`outbox` must be an object, got 5"],
    [{ outbox: { maxBytes: 0 } }, "`outbox.maxBytes` must be a positive integer, got 0"],
    [{ transient: "a" }, '`transient` must be an array of strings, got "a"'],
    [{ onError: 1 }, "`onError` must be a function, got 1"],
  ])("%j", (options, message) => {
    expect(relay({ client, ...options })).toThrow(message);
  });

  it.each([
    [{ maxQueueSize: 0 }, "`maxQueueSize` must be a positive integer, got 0"],
    [{ lookMillis: 0.5 }, "`lookMillis` must be a positive integer, got 0.5"],
  ])("%j", (options, message) => {
    expect(() => new RedisEventSource({ client, ...options })).toThrow(message);
  });
});

describe.runIf(hasRedis()).each(clientNames)(
  "what Redis refuses is told with its key and command, through %s",
  (name) => {
    const stages = new Stages();
    let server: RedisServer;
    let admin: Connection;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      admin = await stages.connect(server.url, name);
      await admin.command("FLUSHALL");
      await admin.command("ACL", "SETUSER", "limited", "reset", "on", ">secret");
    });
    const limited = (...rules: string[]) =>
      admin
        .command("ACL", "SETUSER", "limited", ...rules)
        .then(() => stages.connect(server.url.replace("//", "//limited:secret@"), name));

    it("a key of another type", async () => {
      await admin.command("SET", "spanbus:{r}:meta", "mine");
      const bus = stages.bus();
      const relay = stages.relay(bus, admin);
      publishNote(bus, "r", 1);
      publishNote(bus, "s", 1);
      await relay.flush();
      const told =
        "EVALSHA append spanbus:{r}:meta: WRONGTYPE Operation against a key holding the wrong kind of value (HMGET spanbus:{r}:meta)";
      expect(stages.errors.map(({ message }) => message)).toEqual([told]);
      expect(stages.errors[0]).toBeInstanceOf(RedisError);
      expect(relay.stats()).toMatchObject({ relayed: 1, lost: { refused: 1 } });
      const source = stages.source(admin);
      const reader = source.subscribe("r");
      await expect(reader.next()).rejects.toThrow("WRONGTYPE");
      expect(await reader.ended).toEqual({ reason: "cut" });
      await expect(source.history("r")).rejects.toThrow("(HMGET spanbus:{r}:meta)");
      // What it could not take is told once it can.
      await admin.command("DEL", "spanbus:{r}:meta");
      publishNotes(bus, "r", 2, 3);
      await relay.flush();
      expect(shown(await source.history("r"))).toEqual(["gap 1", 2, 3]);
    });

    it("what others publish and keep under its names", async () => {
      const bus = stages.bus();
      const relay = stages.relay(bus, admin);
      const source = stages.source(admin);
      const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
      await Promise.all([reader.attached, all.attached]);
      for (const text of ["", "hello", "a 0 o\ne{broken", "a 0 o\nz9", "\n\n"]) {
        await admin.command("PUBLISH", "spanbus:{r}", text);
      }
      await until(() => stages.errors.length > 0);
      expect(stages.errors[0]).toBeInstanceOf(SyntaxError);
      publishNotes(bus, "r", 1, 3);
      await relay.flush();
      expect(shown(await readNotes(reader, 3))).toEqual([1, 2, 3]);
      await admin.command("DEL", "spanbus:{r}:events");
      await admin.command("XADD", "spanbus:{r}:events", "2-0", "e", "{broken");
      await expect(source.history("r")).rejects.toThrow(SyntaxError);
      await expect(source.subscribe("r").next()).rejects.toThrow(SyntaxError);
    });

    it("a server that is too old, by its version and the one that is needed", async () => {
      const network = await stages.network(server.port);
      await admin.command("SCRIPT", "FLUSH");
      // Before Redis 7 this field was not there.
      network.rewrite = (sent) => sent.replaceAll("redis.REDIS_VERSION", "redis.WHICH_VERSION");
      const old = await stages.connect(network.url, name);
      const [, version] = /redis_version:(\S+)/.exec(String(await admin.command("INFO", "server"))) ?? [];
      const needed = `SPANBUS Redis or Valkey 7 or later is needed, this is ${version}`;
      const bus = stages.bus();
      const relay = stages.relay(bus, old);
      publishNote(bus, "r", 1);
      await relay.flush();
      expect(stages.errors[0]?.message).toBe(`EVALSHA append spanbus:{r}:meta: ${needed}`);
      expect(relay.stats()).toMatchObject({ relayed: 0, lost: { refused: 1 } });
      const source = stages.source(old);
      const reader = source.subscribe("r");
      await expect(reader.next()).rejects.toThrow(needed);
      expect(await reader.ended).toEqual({ reason: "cut" });
      await expect(source.runs()).rejects.toThrow(needed);
    });

    it("a user who may not run scripts", async () => {
      const user = await limited("~*", "&*", "+@all", "-@scripting");
      const bus = stages.bus();
      const relay = stages.relay(bus, user);
      publishNote(bus, "r", 1);
      await relay.flush();
      expect(stages.errors[0]?.message).toMatch(/^EVALSHA append spanbus:\{r\}:meta: NOPERM .*evalsha/);
      await expect(stages.source(user).runs()).rejects.toThrow(/^EVALSHA list spanbus:runs: NOPERM/);
    });

    it("a user who may not use a key, a command or a channel", async () => {
      const refused = async (...rules: string[]): Promise<string> => {
        await admin.command("FLUSHALL");
        const user = await limited("reset", "on", ">secret", ...rules);
        const bus = stages.bus();
        const relay = stages.relay(bus, user);
        stages.errors.length = 0;
        publishNote(bus, "r", 1);
        await relay.flush();
        return stages.errors[0]?.message ?? "nothing";
      };
      expect(await refused("~other:*", "&*", "+@all")).toMatch(/^EVALSHA append spanbus:\{r\}:meta: NOPERM .*key/);
      expect(await refused("~*", "&*", "+@all", "-xadd")).toMatch(
        /(can't run this command|'xadd' command).*\(XADD spanbus:\{r\}:events\)$/,
      );
      expect(await refused("~*", "+@all")).toMatch(/publish to the channel.*\(PUBLISH spanbus:\{r\}\)$/);
    });

    it("a reader who may not subscribe", async () => {
      const user = await limited("~*", "+@all");
      const reader = stages.source(user).subscribe("r");
      await expect(reader.next()).rejects.toThrow(/^SUBSCRIBE spanbus:\{r\}: NOPERM/);
      expect(await reader.ended).toEqual({ reason: "cut" });
      const all = stages.source(user).subscribeGlobal();
      await expect(all.next()).rejects.toThrow(/^PSUBSCRIBE spanbus:\{\*\}: NOPERM/);
    });

    it("a user who may not ask whether the connection lives is answered, and that is enough", async () => {
      const user = await limited("~*", "&*", "+@all", "-ping");
      const reader = stages.source(user, { lookMillis: 200 }).subscribeGlobal();
      await reader.attached;
      const refusedPings = async (): Promise<number> => {
        const info = String(await admin.command("INFO", "commandstats"));
        return Number(/^cmdstat_ping:.*rejected_calls=(\d+)/m.exec(info)?.[1] ?? 0);
      };
      // More than may stay without an answer.
      const enough = (await refusedPings()) + 8;
      await until(async () => (await refusedPings()) >= enough);
      expect(stages.errors).toEqual([]);
    });

    it("a user with no more than the scripts, the keys and the channels is enough", async () => {
      const user = await limited(
        "~spanbus:*",
        "&spanbus:*",
        "&spanbus:{*}",
        "+@all",
        "-@admin",
        "-@dangerous",
        "+info",
      );
      const bus = stages.bus();
      const relay = stages.relay(bus, user);
      const source = stages.source(user);
      const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
      await all.attached;
      publishNote(bus, "r", 1);
      bus.closeStream("r");
      expect(shown(await readToEnd(reader))).toEqual([1]);
      expect((await readOne(all)).type).toBe("bus.run.opened");
      await relay.flush();
      await until(async () => (await source.runs()).length === 1);
      expect(stages.errors).toEqual([]);
    });
  },
);

/** The next notes, without the gaps between them. */
async function readNotes(reader: Subscription, count: number): Promise<BusEvent[]> {
  const notes: BusEvent[] = [];
  while (notes.length < count) {
    const event = await readOne(reader);
    if (event.type !== "bus.gap") notes.push(event);
  }
  return notes;
}
