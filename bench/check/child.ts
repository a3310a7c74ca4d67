import { loadavg } from "node:os";
import { type Workload, workloads } from "./workloads.js";

/**
 * Does one workload often enough that everything that will be compiled is, then as often as is counted:
 * `node child.js <workload> <times before> <times counted>`.
 */
const [name = "", before, counted] = process.argv.slice(2);
const workload: Workload | undefined = workloads[name as keyof typeof workloads];
if (!workload) throw new Error(`no such workload: ${name}`);
const work = workload.prepare();
await repeat(Number(before));
mark();
await repeat(Number(counted));
mark();
process.exit(0);

async function repeat(times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) await work();
}

/** A function of Node that does little, and that callgrind knows by name. */
function mark(): void {
  loadavg();
}
