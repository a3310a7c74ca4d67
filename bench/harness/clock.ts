import { readFileSync } from "node:fs";
import { Bench } from "tinybench";

/** How long a piece of work is repeated: to warm up, then to be measured. */
const MILLIS = Number(process.env["BENCH_MILLIS"] ?? 200);

/** On a machine that is busy with other things, too, the time that this process had says more than the time that passed. */
const now = process.env["BENCH_CLOCK"] === "cpu" ? cpuMillis : (): number => performance.now();

function cpuMillis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Nanoseconds per operation of work that does `operations` of them. The mean, not the median: what the garbage collector
 * takes is part of the price.
 */
export async function nanosPer(operations: number, work: () => unknown): Promise<number> {
  const bench = new Bench({
    time: MILLIS,
    warmupTime: MILLIS * 0.6,
    iterations: 3,
    warmupIterations: 3,
    throws: true,
    now,
  });
  const task = bench.add("work", work).tasks[0];
  await bench.run();
  const result = task?.result;
  if (result?.state !== "completed") throw new Error(`not measured: ${result?.state}`);
  return (result.latency.mean * 1e6) / operations;
}

/**
 * Microseconds of processor that the main thread had. What helps it, as the collector and the compiler do, is left out where
 * the system tells it apart.
 */
export function mainThreadMicros(): number {
  try {
    const [nanosOnProcessor] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
    return Number(nanosOnProcessor) / 1000;
  } catch {
    return cpuMillis() * 1000;
  }
}

/** Nanoseconds since some moment. */
export function nanos(): number {
  return Number(process.hrtime.bigint());
}

/** Lets everything that is due happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Bytes of heap that what `make` returns holds. */
export async function heapBytes(make: () => unknown): Promise<number> {
  const before = await settledHeap();
  const kept = await make();
  const after = await settledHeap();
  // It must live until here.
  if (kept === undefined) throw new Error("nothing was kept");
  return after - before;
}

/** Bytes of heap in use once what is not needed is gone. */
export async function settledHeap(): Promise<number> {
  if (!globalThis.gc) throw new Error("needs --expose-gc");
  for (let index = 0; index < 4; index += 1) {
    await turn();
    globalThis.gc();
  }
  return process.memoryUsage().heapUsed;
}
