import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Lets what is ready happen, then collects garbage, several times: what a round frees may free more. */
export async function collectGarbage(rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

/** Bytes of heap in use when the garbage is gone. */
export async function heapInUse(rounds = 3): Promise<number> {
  await collectGarbage(rounds);
  return process.memoryUsage().heapUsed;
}

/** Bytes of heap that are still in use afterwards. */
export async function heapKeptBy(act: () => void | Promise<void>): Promise<number> {
  const before = await heapInUse();
  await act();
  return (await heapInUse()) - before;
}

export async function isCollected(ref: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 10 && ref.deref() !== undefined; round += 1) await collectGarbage(1);
  return ref.deref() === undefined;
}
