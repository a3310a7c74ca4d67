import { fork } from "node:child_process";
import { once } from "node:events";
import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { RedisRelay } from "spanbus/redis";
import { quantile } from "../harness/statistics.js";
import { expectNumbers } from "../inputs/notes.js";
import { RUN, TYPE } from "../sse/event.js";
import { emptyRedis } from "./empty-redis.js";

const EVENTS = 1500;
const WARM_UP = 500;
const PER_SECOND = 500;

/** From before `publish` until the loop of a reader in another process has it. */
export async function latency(): Promise<{ p50: number; p99: number }> {
  const url = await emptyRedis();
  const client = createClient({ url });
  await client.connect();
  const bus = new EventBus();
  const relay = new RedisRelay(bus, { client });
  const reader = fork(new URL("./reader.js", import.meta.url), [url, String(EVENTS)], { execArgv: [] });
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
