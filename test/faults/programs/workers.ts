// Threads, each with a bus of its own: what each saw, what the first thread saw, and whether ending one in the middle harms.
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { EventBus, getEventBus } from "spanbus";

const RUNS = 100;

if (isMainThread) {
  const own = getEventBus();
  own.publish({ runId: "main", type: "note" });
  // What makes TypeScript of a program of Node's does not reach into its threads by itself.
  const self = JSON.stringify(import.meta.url);
  const thread = `import("tsx/esm/api").then(({ register }) => { register(); return import(${self}); })`;
  const start = (): Worker => new Worker(thread, { eval: true });
  const workers = [start(), start(), start(), start()];
  const ids = (await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as string[]))).flat();
  // They go on publishing, and are ended in the middle of it.
  const codes = await Promise.all(workers.map((worker) => worker.terminate()));
  const generations = new Set(ids.map((id) => id.split(".")[0]));
  own.publish({ runId: "main", type: "note" });
  const { published, retainedRuns } = own.stats();
  console.log(JSON.stringify({ generations: generations.size, codes, published, retainedRuns }));
} else {
  const buses = [getEventBus(), new EventBus()];
  const reader = getEventBus().subscribeGlobal();
  const ids = buses.flatMap((bus) =>
    Array.from({ length: RUNS }, (_, run) => bus.publish({ runId: `run ${run}`, type: "note" })?.id),
  );
  parentPort?.postMessage(ids);
  const publish = (): void => {
    for (let count = 0; count < 1000; count += 1) getEventBus().publish({ runId: "run", type: "note" });
    setImmediate(publish);
  };
  publish();
  for await (const _ of reader);
}
