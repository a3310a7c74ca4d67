import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** A Node to measure with. */
export interface Runtime {
  readonly major: number;
  readonly version: string;
  readonly executable: string;
}

/** The Node that runs this, or another one from npm. Undefined where it cannot be had. */
export async function runtimeOf(major: number): Promise<Runtime | undefined> {
  if (process.versions.node.startsWith(`${major}.`)) {
    return { major, version: process.versions.node, executable: process.execPath };
  }
  const found = await fromNpm(String(major));
  return found && { major, ...found };
}

/** The executable of exactly this version. Undefined where it cannot be had. */
export async function nodeOf(version: string): Promise<string | undefined> {
  if (process.versions.node === version) return process.execPath;
  return (await fromNpm(version))?.executable;
}

async function fromNpm(wanted: string): Promise<{ version: string; executable: string } | undefined> {
  try {
    const program = "process.stdout.write(process.versions.node + ' ' + process.execPath)";
    const args = ["exec", "--yes", `--package=node@${wanted}`, "--", "node", "-e", program];
    const { stdout } = await execute("npm", args);
    const [version = "", executable = ""] = stdout.split(/ (.*)/s);
    return { version, executable };
  } catch {
    return undefined;
  }
}
