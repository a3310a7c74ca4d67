import { EventBus, type Subscription } from "spanbus";
import { RedisEventSource, RedisRelay } from "spanbus/redis";
import { type ClientName, clients } from "./clients.js";

export interface Load {
  readonly url: string;
  readonly client: ClientName;
  readonly runs: number;
  readonly readers: number;
  /** Of all runs together. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

export interface LoadReport {
  readonly published: number;
  /** Deliveries that there should have been, that there were, and that a gap told to be missing. */
  readonly due: number;
  readonly delivered: number;
  readonly missed: number;
  /** Events of a reader that came out of order, or twice. */
  readonly misplaced: number;
  /** From publishing to reading, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** How long publishing took, in seconds: longer than asked for if the machine is too slow. */
  readonly seconds: number;
}

/** Publishes into many runs at a rate, over Redis to many readers, and measures how long that takes. */
export async function carry({ url, client, runs, readers, eventsPerSecond, seconds }: Load): Promise<LoadReport> {
  const [producer, consumer] = await Promise.all([clients[client](url), clients[client](url)]);
  const bus = new EventBus({ maxRuns: runs });
  const relay = new RedisRelay(bus, { client: producer.client, maxRuns: runs });
  const source = new RedisEventSource({ client: consumer.client });
  try {
    const runIds = Array.from({ length: runs }, (_, index) => `run-${index}`);
    const reading = Array.from({ length: readers }, (_, index) => source.subscribe(runIds[index % runs] ?? ""));
    await Promise.all(reading.map((reader) => reader.attached));
    const tallies = reading.map(tallied);
    const counts = new Map<string, number>();
    const published = eventsPerSecond * seconds;
    const start = performance.now();
    for (let sent = 0; sent < published; ) {
      const due = Math.min(published, Math.ceil(((performance.now() - start) * eventsPerSecond) / 1000));
      for (; sent < due; sent += 1) {
        const runId = runIds[sent % runs] ?? "";
        const n = (counts.get(runId) ?? 0) + 1;
        counts.set(runId, n);
        bus.publish({
          runId,
          type: "agent.tool.completed",
          time: now(),
          data: { n, toolName: "search", result: preview },
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const took = (performance.now() - start) / 1000;
    for (const runId of runIds) bus.closeStream(runId, "completed");
    const all = await Promise.all(tallies);
    const latencies = Float64Array.from(all.flatMap(({ latencies }) => latencies)).sort();
    const quantile = (q: number): number =>
      latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? 0;
    const sum = (of: "missed" | "misplaced"): number => all.reduce((total, tally) => total + tally[of], 0);
    return {
      published,
      due: reading.reduce((total, _, index) => total + (counts.get(runIds[index % runs] ?? "") ?? 0), 0),
      delivered: latencies.length,
      missed: sum("missed"),
      misplaced: sum("misplaced"),
      latency: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: latencies.at(-1) ?? 0 },
      seconds: took,
    };
  } finally {
    source.close();
    await relay.close();
    await bus.shutdown();
    producer.close();
    consumer.close();
  }
}

/** As long as what the bus keeps of a tool's result by default. */
const preview = "x".repeat(240);

function now(): number {
  return performance.timeOrigin + performance.now();
}

async function tallied(reader: Subscription): Promise<{ latencies: number[]; missed: number; misplaced: number }> {
  const latencies: number[] = [];
  let [last, missed, misplaced] = [0, 0, 0];
  for await (const event of reader) {
    if (event.type === "bus.gap") {
      missed += event.data.missed;
      last += event.data.missed;
      continue;
    }
    latencies.push(now() - event.time);
    last += 1;
    if ((event.data as { readonly n?: unknown }).n !== last) misplaced += 1;
  }
  return { latencies, missed, misplaced };
}
