import { loadavg } from "node:os";
import { type Workload, workloads } from "./workloads.js";

/** Does one workload until everything is compiled that will be, then as often as is counted: `node child.js <workload>`. */
const BEFORE = 90;
const COUNTED = 5;

const [name = ""] = process.argv.slice(2);
const workload: Workload | undefined = workloads[name as keyof typeof workloads];
if (!workload) throw new Error(`no such workload: ${name}`);
const work = workload.prepare();
await repeat(BEFORE);
mark();
await repeat(COUNTED);
mark();
process.stdout.write(`${COUNTED * workload.operations}\n`, () => process.exit(0));

async function repeat(times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) await work();
}

/** A function of Node that does little, and that callgrind knows by name. */
function mark(): void {
  loadavg();
}
