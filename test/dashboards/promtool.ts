import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const dashboards = fileURLToPath(new URL("../../dashboards/", import.meta.url));

/** Whether promtool is installed. On CI it has to be. */
export function hasPromtool(): boolean {
  const found = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "promtool")));
  if (!found && process.env.CI) throw new Error("promtool is not installed; .ci/run installs it");
  if (!found) process.stderr.write("promtool is not installed: the tests that need it are skipped\n");
  return found;
}

/** Runs promtool in `dashboards/`. What it prints; it fails with that. */
export async function promtool(...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("promtool", args, { cwd: dashboards });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
  }
}
