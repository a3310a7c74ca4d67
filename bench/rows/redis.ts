import { fork } from "node:child_process";
import { once } from "node:events";
import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { RedisRelay } from "spanbus/redis";
import { turn } from "../harness/clock.js";
import type { Case, Lookup, Row } from "../harness/row.js";
import { quantile } from "../harness/statistics.js";
import { expectNumbers } from "../inputs/notes.js";
import { HISTORY, type OpenRelay } from "../redis/relays.js";
import { RUN, TYPE } from "../sse/event.js";

type Relays = typeof import("../redis/relays.js");

const MILLIS = Number(process.env["BENCH_MILLIS"] ?? 250);
/** Events published in a turn, and turns after which Redis must have all. */
const PER_TURN = 16;
const TURNS = 3;

const SPANBUS = "spanbus, node-redis";
const SPANBUS_IOREDIS = "spanbus, ioredis";
const RAW = "XADD for each event, node-redis";
const RAW_IOREDIS = "XADD for each event, ioredis";

function relayed(choose: (relays: Relays) => OpenRelay): Case["load"] {
  return async () => {
    const open = choose(await import("../redis/relays.js"));
    return async () => {
      const relay = await open(await emptyRedis());
      let n = 0;
      const block = async (): Promise<void> => {
        for (let index = 0; index < TURNS; index += 1) {
          for (let event = 0; event < PER_TURN; event += 1) {
            n += 1;
            relay.publish(n);
          }
          await turn();
        }
        await relay.flush();
      };
      while (n < 2 * HISTORY) await block();
      const kept = (await relay.kept()).slice(-HISTORY);
      // What is trimmed at leisure may be a little more.
      expectNumbers(kept, n - kept.length + 1, Math.max(kept.length, HISTORY - PER_TURN));
      const repeat = async (millis: number): Promise<number> => {
        const before = n;
        for (const end = performance.now() + millis; performance.now() < end || n - before < 2000; ) await block();
        return n - before;
      };
      await repeat(6 * MILLIS);
      const cpu = process.cpuUsage();
      const begin = performance.now();
      const count = await repeat(4 * MILLIS);
      const millis = performance.now() - begin;
      const { user, system } = process.cpuUsage(cpu);
      return { cpu: (user + system) / count, rate: (count * 1000) / millis };
    };
  };
}

/** That which the bench started. */
async function emptyRedis(): Promise<string> {
  const url = process.env["REDIS_URL"];
  if (url === undefined) throw new Error("there is no Redis: REDIS_URL is not set");
  const client = createClient({ url });
  await client.connect();
  await client.sendCommand(["FLUSHALL"]);
  client.destroy();
  return url;
}

function toRaw(of: Lookup, ours: string, theirs: string): number {
  return of(ours, "cpu") / of(theirs, "cpu");
}

const less = "no copy, no ids, no closing, no leases, no list of runs, no message to readers";

export const redisRelay: Row = {
  name: "redis-relay",
  title: "Events into Redis",
  says: `Events of 400 bytes of one run, ${PER_TURN} a turn, of which Redis keeps ${HISTORY}; waited for every ${PER_TURN * TURNS}. Processor time is that of the program, the publishing included.`,
  figures: { cpu: "µs of processor per event", rate: "events/s" },
  cases: [
    { name: SPANBUS, load: relayed(({ spanbusNodeRedis }) => spanbusNodeRedis) },
    { name: SPANBUS_IOREDIS, load: relayed(({ spanbusIoredis }) => spanbusIoredis) },
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
    { row: "16", says: `processor time, to ${RAW}`, got: (of) => toRaw(of, SPANBUS, RAW), atMost: 0.5 },
    {
      row: "16",
      says: `processor time, to ${RAW_IOREDIS}`,
      got: (of) => toRaw(of, SPANBUS_IOREDIS, RAW_IOREDIS),
      atMost: 0.5,
    },
  ],
  maxRounds: 5,
  needsRedis: true,
};

const EVENTS = 1500;
const WARM_UP = 500;
const PER_SECOND = 500;

/** From before `publish` until the loop of a reader in another process has it. */
async function latency(): Promise<{ p50: number; p99: number }> {
  const url = await emptyRedis();
  const client = createClient({ url });
  await client.connect();
  const bus = new EventBus();
  const relay = new RedisRelay(bus, { client });
  const reader = fork(new URL("../redis/reader.js", import.meta.url), [url, String(EVENTS)], { execArgv: [] });
  await once(reader, "message");
  const answered = once(reader, "message");
  const begin = performance.now();
  for (let n = 1; n <= EVENTS; ) {
    for (; n <= EVENTS && begin + ((n - 1) * 1000) / PER_SECOND <= performance.now(); n += 1) {
      const sentAt = performance.timeOrigin + performance.now();
      bus.publish({ runId: RUN, type: TYPE, data: { n, sentAt, result: "x".repeat(200) } });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const [{ numbers, micros }] = (await answered) as [{ numbers: number[]; micros: number[] }];
  expectNumbers(numbers, 1, EVENTS);
  await relay.close();
  const settled = micros.slice(WARM_UP);
  return { p50: quantile(settled, 0.5) / 1000, p99: quantile(settled, 0.99) / 1000 };
}

export const redisLatency: Row = {
  name: "redis-latency",
  title: "Through Redis to a reader in another process",
  says: `${PER_SECOND} events a second, each read by \`for await\` over a RedisEventSource in another process; from before \`publish\` until it is there.`,
  figures: { p50: "median, ms", p99: "99th percentile, ms" },
  cases: [{ name: SPANBUS, load: async () => latency }],
  goals: [
    { row: "16", says: "median", got: (of) => of(SPANBUS, "p50"), atMost: 0.5, unit: "ms" },
    { row: "16", says: "99th percentile", got: (of) => of(SPANBUS, "p99"), atMost: 5, unit: "ms" },
  ],
  maxRounds: 5,
  needsRedis: true,
};
