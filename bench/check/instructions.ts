import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Nothing of chance, no helper threads, and a collector that counts bytes instead of time. */
const predictable = [
  "--predictable",
  "--single-threaded",
  "--predictable-gc-schedule",
  "--random-seed=1",
  "--hash-seed=1",
];

export async function hasValgrind(): Promise<boolean> {
  try {
    await execute("valgrind", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** Instructions that one operation of a workload takes, between the two marks of the program. */
export async function instructionsOf(executable: string, program: string, workload: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "spanbus-check-"));
  const counts = join(folder, "counts");
  try {
    const callgrind = [
      "--tool=callgrind",
      // Node makes code while it runs.
      "--smc-check=all-non-file",
      `--callgrind-out-file=${counts}`,
      "--dump-before=*GetLoadAvg*",
    ];
    const { stdout } = await execute("valgrind", [...callgrind, executable, ...predictable, program, workload], {
      env: { PATH: process.env["PATH"], NODE_ENV: "production" },
    });
    const [, total] = /^totals: (\d+)$/m.exec(readFileSync(`${counts}.2`, "utf8")) ?? [];
    if (total === undefined) throw new Error(`callgrind told no total for ${workload}`);
    return Number(total) / Number(stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
