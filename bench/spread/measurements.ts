import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { RedisEventSource, RedisRelay, type TappedBus } from "spanbus/redis";
import { RedisServer } from "../../test/redis/redis-server.js";
import { mainThreadMicros, settledHeap, turn } from "../harness/clock.js";
import { dataOf, TYPE } from "../sse/event.js";
import { burstsOf, type Population, randomNumbers, runIdOf, type ServiceTimes, shardOf } from "./simulation.js";

type Client = Awaited<ReturnType<typeof connected>>;

/** Microseconds per event of the server's thread, and of the main thread of the program. */
export interface Cost {
  readonly redis: number;
  readonly program: number;
}

/** A producer: a bus with its relay, and a run of its own. */
interface Producer {
  publish(count: number): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const MILLIS = 400;
/** In each round, so that what is done now and then does not count. */
const LEAST_EVENTS = 3000;
const ROUNDS = 4;

/**
 * What an event costs in batches of this size from so many producers, while so many sources read every run. Each batch is
 * waited for, so that none grows.
 */
export async function costOf(perBatch: number, producers: number, sources = 0): Promise<Cost> {
  const server = await RedisServer.start();
  const admin = await connected(server);
  const names = Array.from({ length: producers }, (_, index) => `run-${index}`);
  const open = await Promise.all(names.map((name) => producer(server, name)));
  const readers = await Promise.all(Array.from({ length: sources }, () => reader(server, names)));
  let count = 0;
  const repeat = async (millis: number): Promise<void> => {
    const enough = count + LEAST_EVENTS;
    for (const end = performance.now() + millis; performance.now() < end || count < enough; ) {
      for (const each of open) each.publish(perBatch);
      await turn();
      await Promise.all(open.map((each) => each.flush()));
      count += perBatch * open.length;
    }
  };
  await repeat(2 * MILLIS);
  const rounds: Cost[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [before, redis, program] = [count, await redisMicros(admin), mainThreadMicros()];
    await repeat(MILLIS);
    const events = count - before;
    rounds.push({
      redis: ((await redisMicros(admin)) - redis) / events,
      program: (mainThreadMicros() - program) / events,
    });
  }
  for (const close of readers) close();
  for (const each of open) await each.close();
  admin.destroy();
  await server.stop();
  // What others do on the machine only adds.
  const least = (what: keyof Cost): number => Math.min(...rounds.map((each) => each[what]));
  return { redis: least("redis"), program: least("program") };
}

/** From the smallest and the largest batch. What is between the two shows whether a line through them is right. */
export function serviceTimes(costs: ReadonlyMap<number, Cost>): ServiceTimes {
  const [least, most] = [Math.min(...costs.keys()), Math.max(...costs.keys())];
  const [atLeast, atMost] = [costs.get(least)?.redis ?? Number.NaN, costs.get(most)?.redis ?? Number.NaN];
  const perBatch = (atLeast - atMost) / (1 / least - 1 / most);
  return { perBatch, perEvent: atLeast - perBatch / least };
}

/** Bytes of a run with so many events: in Redis, and in a process that publishes it. */
export async function bytesOf(events: number): Promise<{ redis: number; program: number }> {
  const server = await RedisServer.start();
  const admin = await connected(server);
  const each = await producer(server, "run");
  for (let sent = 0; sent < events; sent += 250) {
    each.publish(Math.min(250, events - sent));
    await each.flush();
  }
  const sizes = await Promise.all(
    ["meta", "events", "traces"].map((part) =>
      admin.sendCommand(["MEMORY", "USAGE", `spanbus:{run}:${part}`, "SAMPLES", "0"]),
    ),
  );
  await each.close();
  admin.destroy();
  await server.stop();
  const runs = 200;
  const before = await settledHeap();
  const bus = new EventBus();
  for (let n = 0; n < runs * events; n += 1) bus.publish({ runId: `run-${n % runs}`, type: TYPE, data: dataOf(n) });
  const program = ((await settledHeap()) - before) / runs;
  await bus.shutdown();
  return { redis: sizes.reduce((sum: number, size) => sum + Number(size ?? 0), 0), program };
}

/** How busy real servers are, what they take at a time, and at which rate it was published. */
export interface Observed {
  readonly loads: readonly number[];
  readonly eventsPerBatch: number;
  readonly rate: number;
  /** Microseconds from sending a batch until its answer, on average: on a busy machine that is mostly waiting for a processor. */
  readonly roundTrip: number;
}

/** Plays the population of a simulation to real servers, shared out as docs/DISTRIBUTED.md does. */
export async function observe(shards: number, population: Population, rate: number, seed: number): Promise<Observed> {
  const bus = new EventBus();
  const servers = await Promise.all(Array.from({ length: shards }, () => RedisServer.start()));
  const admins = await Promise.all(servers.map(connected));
  const clients = await Promise.all(servers.map(connected));
  const roundTrips: number[] = [];
  for (const client of clients) timeCalls(client, roundTrips);
  const relays = clients.map((client, shard) => new RedisRelay(partOf(bus, shard, shards), { client }));
  const play = async (seconds: number): Promise<number> => {
    const begin = performance.now();
    let n = 0;
    for (const { at, run } of burstsOf(population, rate, rate * seconds, randomNumbers(seed))) {
      while (performance.now() - begin < at / 1000) await turn();
      for (let index = 0; index < population.burst; index += 1) {
        n += 1;
        bus.publish({ runId: runIdOf(seed, run), type: TYPE, data: dataOf(n) });
      }
      await turn();
    }
    await Promise.all(relays.map((relay) => relay.flush()));
    return n;
  };
  await play(2);
  const before = await Promise.all(admins.map(workOf));
  roundTrips.length = 0;
  const begin = performance.now();
  const events = await play(6);
  const micros = (performance.now() - begin) * 1000;
  const after = await Promise.all(admins.map(workOf));
  await Promise.all(relays.map((relay) => relay.close()));
  for (const client of [...clients, ...admins]) client.destroy();
  await Promise.all(servers.map((server) => server.stop()));
  await bus.shutdown();
  const did = (what: "micros" | "batches"): number[] =>
    after.map((each, index) => each[what] - (before[index]?.[what] ?? 0));
  return {
    loads: did("micros").map((busy) => busy / micros),
    eventsPerBatch: events / did("batches").reduce((sum, batches) => sum + batches, 0),
    rate: (events * 1e6) / micros,
    roundTrip: roundTrips.reduce((sum, each) => sum + each, 0) / roundTrips.length,
  };
}

/** Notes what each batch takes, until it is answered. */
function timeCalls(client: Client, micros: number[]): void {
  const call = client.evalSha.bind(client);
  const evalSha = async (...args: Parameters<typeof call>) => {
    const begin = performance.now();
    const answer = await call(...args);
    micros.push((performance.now() - begin) * 1000);
    return answer;
  };
  Object.assign(client, { evalSha });
}

function partOf(bus: EventBus, shard: number, shards: number): TappedBus {
  const isMine = (runId: string): boolean => shardOf(runId, shards) === shard;
  return {
    runInfo: (runId) => bus.runInfo(runId),
    tap: ({ opened, event, closed }) =>
      bus.tap({
        opened: (run) => void (isMine(run.runId) && opened?.(run)),
        event: (each) => void (isMine(each.runId) && event?.(each)),
        closed: (run) => void (isMine(run.runId) && closed?.(run)),
      }),
  };
}

async function producer(server: RedisServer, runId: string): Promise<Producer> {
  const client = await connected(server);
  const bus = new EventBus();
  const relay = new RedisRelay(bus, { client });
  let n = 0;
  return {
    publish(count) {
      for (let index = 0; index < count; index += 1) {
        n += 1;
        bus.publish({ runId, type: TYPE, data: dataOf(n) });
      }
    },
    flush: () => relay.flush(),
    async close() {
      await relay.close();
      client.destroy();
      await bus.shutdown();
    },
  };
}

/** A source with a reader of each run. */
async function reader(server: RedisServer, runIds: readonly string[]): Promise<() => void> {
  const client = await connected(server);
  const source = new RedisEventSource({ client });
  const reading = runIds.map((runId) => source.subscribe(runId));
  await Promise.all(reading.map(({ attached }) => attached));
  const loops = reading.map(async (events) => {
    for await (const _ of events);
  });
  return () => {
    source.close();
    client.destroy();
    void Promise.allSettled(loops);
  };
}

async function connected({ url }: RedisServer) {
  const client = createClient({ url });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

async function redisMicros(client: Client): Promise<number> {
  return (await workOf(client)).micros;
}

/** What a server did since it started. */
async function workOf(client: Client): Promise<{ micros: number; batches: number }> {
  const info = String(await client.sendCommand(["INFO", "everything"]));
  const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? Number.NaN);
  const batches = Number(/^cmdstat_publish:calls=(\d+)/m.exec(info)?.[1] ?? 0);
  return { micros: (seconds("used_cpu_sys") + seconds("used_cpu_user")) * 1e6, batches };
}
