import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { EventBus } from "spanbus";
import { type RedisClient, RedisEventSource, RedisRelay } from "spanbus/redis";
import { HISTORY } from "../inputs/notes.js";
import { dataOf, eventOf, RUN, TYPE } from "../sse/event.js";

/** Takes events to Redis. */
export interface Relay {
  publish(n: number): void;
  /** Everything that was published is there. */
  flush(): Promise<void>;
  /** Numbers of the events that are kept, oldest first. */
  kept(): Promise<number[]>;
}

export type OpenRelay = (url: string) => Promise<Relay>;

const KEY = "bench";

async function nodeRedis(url: string) {
  const client = createClient({ url });
  await client.connect();
  return client;
}

async function spanbus(client: RedisClient): Promise<Relay> {
  const bus = new EventBus();
  const relay = new RedisRelay(bus, { client });
  return {
    publish: (n) => void bus.publish({ runId: RUN, type: TYPE, data: dataOf(n) }),
    flush: () => relay.flush(),
    async kept() {
      const source = new RedisEventSource({ client });
      const events = await source.history(RUN);
      source.close();
      return events.map(({ data }) => (data as { n: number }).n);
    },
  };
}

export const spanbusNodeRedis: OpenRelay = async (url) => spanbus(await nodeRedis(url));
export const spanbusIoredis: OpenRelay = async (url) => spanbus(new Redis(url));

/** What the others do before it comes to Redis. */
export const unrelayed: OpenRelay = async () => {
  const bus = new EventBus();
  return {
    publish: (n) => void bus.publish({ runId: RUN, type: TYPE, data: dataOf(n) }),
    flush: async () => undefined,
    kept: async () => bus.history(RUN).map(({ data }) => (data as { n: number }).n),
  };
};

/** One entry for so many events. */
function raw(append: (json: string) => Promise<unknown>, range: () => Promise<string[]>, perEntry: number): Relay {
  const under = new Set<Promise<unknown>>();
  let waiting: string[] = [];
  const send = (): void => {
    if (waiting.length === 0) return;
    const json = perEntry === 1 ? (waiting[0] ?? "") : `[${waiting.join()}]`;
    waiting = [];
    const sent = append(json).finally(() => under.delete(sent));
    under.add(sent);
  };
  return {
    publish(n) {
      waiting.push(JSON.stringify(eventOf(n)));
      if (waiting.length >= perEntry) send();
    },
    async flush() {
      send();
      await Promise.all(under);
    },
    async kept() {
      const entries = await range();
      return entries.flatMap((json) => [JSON.parse(json)].flat()).map(({ data }: { data: { n: number } }) => data.n);
    },
  };
}

const rawNodeRedis =
  (perEntry: number): OpenRelay =>
  async (url) => {
    const client = await nodeRedis(url);
    const max = String(Math.ceil(HISTORY / perEntry));
    return raw(
      (json) => client.sendCommand(["XADD", KEY, "MAXLEN", "~", max, "*", "e", json]),
      async () => ((await client.xRange(KEY, "-", "+")) ?? []).map(({ message }) => message["e"] ?? ""),
      perEntry,
    );
  };

const rawIoredis =
  (perEntry: number): OpenRelay =>
  async (url) => {
    const client = new Redis(url);
    const max = String(Math.ceil(HISTORY / perEntry));
    return raw(
      (json) => client.call("XADD", KEY, "MAXLEN", "~", max, "*", "e", json),
      async () => ((await client.xrange(KEY, "-", "+")) ?? []).map(([, fields]) => fields[1] ?? ""),
      perEntry,
    );
  };

export const oneByOneNodeRedis = rawNodeRedis(1);
export const oneByOneIoredis = rawIoredis(1);
export const sixteenNodeRedis = rawNodeRedis(16);
export const sixteenIoredis = rawIoredis(16);
