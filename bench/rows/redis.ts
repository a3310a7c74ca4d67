import { mainThreadMicros, turn } from "../harness/clock.js";
import { atMost } from "../harness/goals.js";
import type { Case, Row } from "../harness/row.js";
import { expectNumbers, HISTORY } from "../inputs/notes.js";
import type { OpenRelay } from "../redis/relays.js";

type Relays = typeof import("../redis/relays.js");

const MILLIS = Number(process.env["BENCH_MILLIS"] ?? 250);
/** Events published in a turn. */
const PER_TURN = 16;
/** So many turns are taken without waiting for Redis: what is under way is 1,024 events at most. */
const TURNS = 64;
/** One event a turn, and so many turns a second: as an agent publishes that waits for its model. */
const PER_SECOND_ALONE = 2000;

const SPANBUS = "spanbus, node-redis";
const SPANBUS_IOREDIS = "spanbus, ioredis";
const UNRELAYED = "spanbus, without a relay";
const RAW = "XADD for each event, node-redis";
const RAW_IOREDIS = "XADD for each event, ioredis";

function relayed(choose: (relays: Relays) => OpenRelay): Case["load"] {
  return async () => {
    const open = choose(await import("../redis/relays.js"));
    const { emptyRedis } = await import("../redis/empty-redis.js");
    return async () => {
      const relay = await open(await emptyRedis());
      let n = 0;
      const publish = (count: number): void => {
        for (let index = 0; index < count; index += 1) {
          n += 1;
          relay.publish(n);
        }
      };
      const block = async (): Promise<void> => {
        for (let index = 0; index < TURNS; index += 1) {
          publish(PER_TURN);
          await turn();
        }
        await relay.flush();
      };
      while (n < 2 * HISTORY) await block();
      const kept = (await relay.kept()).slice(-HISTORY);
      // What is trimmed at leisure may be a little more.
      expectNumbers(kept, n - kept.length + 1, Math.max(kept.length, HISTORY - PER_TURN));
      const fast = async (millis: number): Promise<void> => {
        const enough = n + 50_000;
        for (const end = performance.now() + millis; performance.now() < end || n < enough; ) await block();
      };
      const alone = async (millis: number): Promise<void> => {
        const begin = performance.now();
        for (let count = 0; performance.now() < begin + millis; ) {
          for (; begin + (count * 1000) / PER_SECOND_ALONE <= performance.now(); count += 1) {
            publish(1);
            await turn();
          }
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await relay.flush();
      };
      const cost = async (work: () => Promise<void>): Promise<{ cpu: number; rate: number }> => {
        const [before, cpu, begin] = [n, mainThreadMicros(), performance.now()];
        await work();
        const count = n - before;
        return { cpu: (mainThreadMicros() - cpu) / count, rate: (count * 1000) / (performance.now() - begin) };
      };
      await fast(6 * MILLIS);
      const { cpu, rate } = await cost(() => fast(4 * MILLIS));
      await alone(MILLIS);
      return { cpu, rate, alone: (await cost(() => alone(4 * MILLIS))).cpu };
    };
  };
}

const less = "no copy, no ids, no closing, no leases, no list of runs, no message to readers";

export const redisRelay: Row = {
  name: "redis-relay",
  title: "Events into Redis",
  says: `Events of 400 bytes of one run, of which Redis keeps ${HISTORY}: ${PER_TURN} a turn as fast as it goes, of which ${(PER_TURN * TURNS).toLocaleString("en-US")} may be under way; then one a turn, ${PER_SECOND_ALONE.toLocaleString("en-US")} a second. Processor time is that of the main thread, the publishing included.`,
  figures: { cpu: "µs of processor per event", rate: "events/s", alone: "µs, one a turn" },
  cases: [
    { name: SPANBUS, load: relayed(({ spanbusNodeRedis }) => spanbusNodeRedis) },
    { name: SPANBUS_IOREDIS, load: relayed(({ spanbusIoredis }) => spanbusIoredis) },
    { name: UNRELAYED, less: "sends nothing", load: relayed(({ unrelayed }) => unrelayed) },
    { name: RAW, less, load: relayed(({ oneByOneNodeRedis }) => oneByOneNodeRedis) },
    { name: RAW_IOREDIS, less, load: relayed(({ oneByOneIoredis }) => oneByOneIoredis) },
    {
      name: "limit, XADD of 16 events, node-redis",
      less: "as above, entries of 16",
      load: relayed(({ sixteenNodeRedis }) => sixteenNodeRedis),
    },
    {
      name: "limit, XADD of 16 events, ioredis",
      less: "as above",
      load: relayed(({ sixteenIoredis }) => sixteenIoredis),
    },
  ],
  goals: [
    atMost(0.5, { row: "16", what: "processor time", who: SPANBUS, to: RAW, figure: "cpu" }),
    atMost(0.5, { row: "16", what: "processor time", who: SPANBUS_IOREDIS, to: RAW_IOREDIS, figure: "cpu" }),
  ],
  maxRounds: 5,
  needsRedis: true,
};

export const redisLatency: Row = {
  name: "redis-latency",
  title: "Through Redis to a reader in another process",
  says: `500 events a second, each read by \`for await\` over a RedisEventSource in another process; from before \`publish\` until it is there.`,
  figures: { p50: "median, ms", p99: "99th percentile, ms" },
  cases: [{ name: SPANBUS, load: async () => (await import("../redis/latency.js")).latency }],
  goals: [
    { row: "16", says: "median", got: (of) => of(SPANBUS, "p50"), atMost: 0.5, unit: "ms" },
    { row: "16", says: "99th percentile", got: (of) => of(SPANBUS, "p99"), atMost: 5, unit: "ms" },
  ],
  maxRounds: 5,
  needsRedis: true,
};
