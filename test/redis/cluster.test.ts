import { type BusEvent, EventBus } from "spanbus";
import { RedisEventSource, RedisRelay } from "spanbus/redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publishNote, publishNotes, range, read, readToEnd, shown } from "../bus/support.js";
import { type ClientName, clientNames, clusterClients } from "./clients.js";
import { until } from "./contract.js";
import { RedisCluster } from "./redis-cluster.js";
import { hasRedis } from "./redis-server.js";

const timeout = 60_000;

describe.runIf(hasRedis())("a cluster with replicas", () => {
  let cluster: RedisCluster;
  const undo: (() => unknown)[] = [];
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicas: true });
  }, timeout);
  afterAll(() => cluster?.stop());
  beforeEach(() => cluster.whole(), timeout);
  afterEach(async () => {
    for (const act of undo.splice(0).reverse()) await act();
  });

  const stage = async (name: ClientName) => {
    const [producer, consumer] = await Promise.all([
      clusterClients[name](cluster.url),
      clusterClients[name](cluster.url),
    ]);
    const bus = new EventBus();
    const keyPrefix = `through-${name}`;
    const relay = new RedisRelay(bus, { client: producer.client, keyPrefix });
    const source = new RedisEventSource({ client: consumer.client, keyPrefix, lookMillis: 100 });
    undo.push(
      () => consumer.close(),
      () => producer.close(),
      () => bus.shutdown(),
      () => relay.close({ timeoutMillis: 200 }),
      () => source.close(),
    );
    const key = (runId: string): string => `${keyPrefix}:{${runId}}:meta`;
    return { bus, relay, source, key };
  };

  it.each(clientNames)(
    "that loses a master mid-run, through %s: readers get the rest, and are told what was lost",
    { timeout },
    async (name) => {
      const { bus, relay, source, key } = await stage(name);
      const { master } = await cluster.ownersOf(key("r"));
      let other = "0";
      while ((await cluster.ownersOf(key(other))).master === master) other = String(Number(other) + 1);
      const readers = ["r", other].map((runId) => source.subscribe(runId));
      publishNotes(bus, "r", 1, 20);
      publishNotes(bus, other, 1, 20);
      for (const reader of readers) await read(reader, 20);
      await master.kill();
      undo.push(() => master.start());
      for (const n of range(21, 200)) {
        publishNote(bus, "r", n);
        publishNote(bus, other, n);
        if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await relay.flush();
      for (const runId of ["r", other]) bus.closeStream(runId, "completed");
      for (const reader of readers) {
        const events = await readToEnd(reader);
        expect(untold(20, events)).toEqual([]);
        expect(shown(events).at(-1)).toBe(200);
        expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
      }
      const late = await readToEnd(source.subscribe("r"));
      // Its begin may be lost with the master.
      expect(untold(Number(shown(late)[0]) - 1, late)).toEqual([]);
      expect(shown(late).at(-1)).toBe(200);
      await relay.flush();
      expect((await source.runs()).map(({ runId, state }) => [runId, state])).toContainEqual(["r", "closed"]);
    },
  );

  it.each(clientNames)("whose master is moved mid-run, through %s: nothing is lost", { timeout }, async (name) => {
    const { bus, relay, source, key } = await stage(name);
    const reader = source.subscribe("moved");
    publishNotes(bus, "moved", 1, 20);
    await read(reader, 20);
    let n = 20;
    const publishing = setInterval(() => {
      n += 1;
      publishNote(bus, "moved", n);
    }, 2);
    undo.push(() => clearInterval(publishing));
    await cluster.failOver(key("moved"));
    const reached = n + 50;
    await until(() => n >= reached);
    clearInterval(publishing);
    bus.closeStream("moved", "completed");
    await relay.flush();
    expect(shown(await readToEnd(reader))).toEqual(range(21, n));
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });
});

/** Numbers that did not come although no gap told so. Behind another generation the run may be told anew. */
function untold(last: number, events: readonly BusEvent[]): string[] {
  const holes: string[] = [];
  let [seen, missed, isAnew] = [last, 0, false];
  for (const event of events) {
    if (event.type === "bus.gap") {
      missed += event.data.missed;
      isAnew ||= event.data.reason === "generation";
      continue;
    }
    const n = Number(shown([event])[0]);
    if (!isAnew && n !== seen + missed + 1) holes.push(`${seen} to ${n}, told ${missed}`);
    [seen, missed, isAnew] = [n, 0, false];
  }
  return holes;
}
