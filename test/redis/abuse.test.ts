import { describe, expect, it } from "vitest";
import { dataOf, publishNote, publishNotes, range, read, readOne, readToEnd, shown } from "../bus/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { servedStage } from "./stage.js";

describe.runIf(hasRedis()).each(clientNames)("used in ways nobody meant, through %s", (name) => {
  const { stages, one, other } = servedStage(name);

  const runIds = [
    "a:b",
    "{",
    "}{",
    "{}",
    "{a}:{b}",
    "%007b",
    "runs",
    "leases",
    "\u{1F99C}",
    "é".repeat(256),
    "{".repeat(256),
  ];
  it("run ids of all kinds do not meet each other", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other);
    const all = source.subscribeGlobal();
    await all.attached;
    for (const [n, runId] of runIds.entries()) publishNote(bus, runId, n);
    await relay.flush();
    for (const [n, runId] of runIds.entries()) expect(shown(await source.history(runId)), runId).toEqual([n]);
    const told = await read(all, 2 * runIds.length);
    expect(new Set(told.map(({ runId }) => runId))).toEqual(new Set(runIds));
    expect((await source.runs()).map(({ runId }) => runId).sort()).toEqual([...runIds].sort());
    expect(stages.errors).toEqual([]);
  });

  it.each(["a b".replace(" ", "_"), "{tag}", "a{", "a}", "*", "[a-z]", "\\", "a:b:", "?^", "~".repeat(128)])(
    "the prefix %j keeps to itself",
    async (keyPrefix) => {
      const [bus, stranger] = [stages.bus(), stages.bus()];
      const relay = stages.relay(bus, one, { keyPrefix });
      const strange = stages.relay(stranger, one, { keyPrefix: "abc" });
      const source = stages.source(other, { keyPrefix });
      const [all, reader] = [source.subscribeGlobal(), source.subscribe("r")];
      await Promise.all([all.attached, reader.attached]);
      publishNote(stranger, "r", 99);
      await strange.flush();
      publishNote(bus, "r", 1);
      await relay.flush();
      expect(shown([await readOne(reader)])).toEqual([1]);
      expect(shown(await read(all, 2))).toEqual(["bus.run.opened", 1]);
      expect((await source.runs()).map(({ runId }) => runId)).toEqual(["r"]);
    },
  );

  it("two relays on one bus: each carries everything, and nothing breaks", async () => {
    const bus = stages.bus();
    const relays = [stages.relay(bus, one), stages.relay(bus, other), stages.relay(bus, one, { keyPrefix: "own" })];
    publishNotes(bus, "r", 1, 50);
    bus.closeStream("r", "completed");
    await Promise.all(relays.map((relay) => relay.flush()));
    const own = stages.source(one, { keyPrefix: "own" }).subscribe("r");
    expect(shown(await readToEnd(own))).toEqual(range(1, 50));
    const twice = stages.source(one).subscribe("r");
    const events = await readToEnd(twice);
    expect(await twice.ended).toEqual({ reason: "closed", outcome: "completed" });
    const lost = relays.reduce((sum, relay) => sum + relay.stats().lost.sealed, 0);
    expect(events.length).toBe(100 - lost);
    expect(events.map(({ seq }) => seq)).toEqual(range(1, events.length));
  });

  it("a relay that is closed twice, and during an outage, is closed once and says what it lost", async () => {
    const away = await RedisServer.start();
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(away.url, name));
    publishNote(bus, "r", 1);
    await relay.flush();
    await away.kill();
    publishNotes(bus, "r", 2, 4);
    await new Promise((resolve) => setImmediate(resolve));
    const closing = [relay.close({ timeoutMillis: 50 }), relay.close({ timeoutMillis: 60_000 })];
    await Promise.all(closing);
    expect(relay.stats()).toMatchObject({ relayed: 1, lost: { closed: 3 } });
    publishNote(bus, "r", 5);
    await Promise.all([relay.close(), relay.flush()]);
    expect(relay.stats()).toMatchObject({ relayed: 1, lost: { closed: 3 } });
    await away.stop();
  });

  it("a source that is closed while readers attach ends them, and refuses none", async () => {
    const source = stages.source(one);
    const readers = [source.subscribe("r"), source.subscribeGlobal(), source.subscribe("s", { after: "live" })];
    source.close();
    source.close();
    readers.push(source.subscribe("late"), source.subscribeGlobal());
    for (const reader of readers) {
      expect(await readToEnd(reader)).toEqual([]);
      expect(await reader.ended).toEqual({ reason: "shutdown" });
      await reader.attached;
    }
    expect(source.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("a subscription made while Redis is away waits, or ends as its reader says", async () => {
    const away = await RedisServer.start();
    const bus = stages.bus();
    stages.relay(bus, await stages.connect(away.url, name));
    const source = stages.source(await stages.connect(away.url, name), { lookMillis: 200 });
    await away.kill();
    const abort = new AbortController();
    const [waiting, all] = [source.subscribe("r"), source.subscribeGlobal()];
    const aborted = source.subscribe("r", { signal: abort.signal });
    const idle = source.subscribe("r", { idleTimeoutMillis: 30 });
    const left = source.subscribe("r");
    expect(await readToEnd(idle)).toEqual([]);
    expect(await idle.ended).toEqual({ reason: "idle" });
    abort.abort();
    left.close();
    expect([(await aborted.ended).reason, (await left.ended).reason]).toEqual(["aborted", "returned"]);
    await away.start();
    await Promise.all([waiting.attached, all.attached]);
    publishNote(bus, "r", 1);
    expect(shown([await readOne(waiting)])).toEqual([1]);
    expect(shown(await read(all, 2))).toEqual(["bus.run.opened", 1]);
    await away.stop();
  });

  it("cursors of all kinds give a gap and everything kept, or are refused by their type", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    publishNotes(bus, "r", 1, 3);
    await relay.flush();
    const source = stages.source(other);
    const id = (await source.history("r"))[0]?.id ?? "";
    const generation = id.slice(0, id.lastIndexOf("."));
    const odd = [
      "",
      ".",
      "1",
      "x.-1",
      `${generation}.01`,
      `${generation}.4`,
      `${generation}.9999999999999999`,
      " ",
      "é.1",
    ];
    for (const after of [...odd, "-", "standing", "x".repeat(10_000), `${generation}.1\n`]) {
      const events = await read(source.subscribe("r", { after }), 4);
      expect(shown(events), after.slice(0, 40)).toEqual(["gap 0", 1, 2, 3]);
      expect(dataOf(events[0])).toMatchObject({ reason: "generation", resumeAfter: after });
    }
    expect(shown(await read(source.subscribe("r", { after: `${generation}.0` }), 3))).toEqual([1, 2, 3]);
    expect(() => source.subscribe("r", { after: 5 as never })).toThrow("`after` must be");
    await expect(source.history("r", { after: 5 as never })).rejects.toThrow("`after` must be");
  });

  it("an event as large as may be comes as it is, and many of them in several batches", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const reader = stages.source(other).subscribe("r");
    await reader.attached;
    const text = "é".repeat(4000);
    const published = range(1, 40).map((n) =>
      bus.publish({ runId: "r", type: "note", data: { n, a: text, b: text, c: text } }),
    );
    await relay.flush();
    const events = await read(reader, 40);
    expect(events.map(({ data }) => data)).toEqual(published.map((event) => event?.data));
    expect(JSON.stringify(events[0]).length).toBeGreaterThan(10_000);
  });

  it("a slow reader loses its oldest beyond 1,024, and is told the very number", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const reader = stages.source(other).subscribe("r");
    await reader.attached;
    for (const n of range(0, 29)) {
      publishNotes(bus, "r", 100 * n + 1, 100 * n + 100);
      await relay.flush();
    }
    bus.closeStream("r");
    await until(() => reader.dropped === 3000 - 1024);
    const [gap, ...rest] = await readToEnd(reader);
    expect(dataOf(gap)).toMatchObject({ missed: 3000 - 1024, reason: "lagged" });
    expect(shown(rest)).toEqual(range(3000 - 1023, 3000));
  });

  it("a reader that never reads is ended, and what it held is let go", async () => {
    const bus = stages.bus();
    stages.relay(bus, one);
    const source = stages.source(other, { unreadTimeoutMillis: 50 });
    const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await Promise.all([reader.attached, all.attached]);
    publishNote(bus, "r", 1);
    expect([await reader.ended, await all.ended]).toEqual([{ reason: "idle" }, { reason: "idle" }]);
    expect(source.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, queuedEvents: 0 });
    await until(async () => String(await one.command("PUBSUB", "CHANNELS")) === "");
    expect(Number(await one.command("PUBSUB", "NUMPAT"))).toBe(0);
  });
});
