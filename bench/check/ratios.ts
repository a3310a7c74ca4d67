import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { median } from "../harness/statistics.js";

const execute = promisify(execFile);
const PROCESSES = 3;

/** How many times the time of its limit a workload takes: the middle of several processes, since each compiles otherwise. */
export async function ratioOf(program: string, workload: string): Promise<number> {
  const ratios: number[] = [];
  for (let index = 0; index < PROCESSES; index += 1) {
    const { stdout } = await execute(process.execPath, ["--single-threaded-gc", program, workload], {
      env: { PATH: process.env["PATH"], NODE_ENV: "production" },
    });
    ratios.push(Number(stdout));
  }
  return median(ratios);
}
