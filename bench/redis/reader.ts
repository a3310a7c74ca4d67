import { createClient } from "@redis/client";
import { RedisEventSource } from "spanbus/redis";
import { RUN } from "../sse/event.js";

/** Reads the run in a process of its own and answers with the time each event took: `node reader.js <url> <events>`. */
const [url = "", count] = process.argv.slice(2);
const client = createClient({ url });
await client.connect();
const source = new RedisEventSource({ client });
const micros: number[] = [];
const numbers: number[] = [];
const events = source.subscribe(RUN);
await events.attached;
process.send?.({ ready: true });
for await (const { data } of events) {
  const now = performance.timeOrigin + performance.now();
  const { n, sentAt } = data as { n: number; sentAt: number };
  numbers.push(n);
  micros.push((now - sentAt) * 1000);
  if (numbers.length === Number(count)) break;
}
process.send?.({ numbers, micros }, () => process.exit(0));
