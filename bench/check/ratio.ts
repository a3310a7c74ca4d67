import { mainThreadMicros } from "../harness/clock.js";
import { median } from "../harness/statistics.js";
import { type Work, type Workload, workloads } from "./workloads.js";

/** Prints how many times the time of its limit a workload takes, both by turns: `node ratio.js <workload>`. */
const ROUNDS = 15;
const MICROS = 10_000;

const [name = ""] = process.argv.slice(2);
const workload: Workload | undefined = workloads[name as keyof typeof workloads];
if (!workload) throw new Error(`no such workload: ${name}`);
const [ours, limit] = [workload.prepare(), workload.limit()];
const ratios: number[] = [];
for (let round = -ROUNDS; round < ROUNDS; round += 1) {
  const ratio = (await microsOf(ours)) / (await microsOf(limit));
  // The first half is to warm up.
  if (round >= 0) ratios.push(ratio);
}
process.stdout.write(`${median(ratios)}\n`, () => process.exit(0));

async function microsOf(work: Work): Promise<number> {
  const begin = mainThreadMicros();
  let times = 0;
  let micros = 0;
  for (; micros < MICROS; micros = mainThreadMicros() - begin) {
    for (let index = 0; index < 4; index += 1) await work();
    times += 4;
  }
  return micros / times;
}
