import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const START_MILLIS = 60_000;

/** A program that serves something until it is stopped. */
export interface Program {
  /** The first address that it printed, without a path. */
  readonly url: string;
  /** Everything that it printed so far, on stdout and stderr. */
  output(): string;
  /** Asks it to end and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a TypeScript program of this project, by its path from the root. */
export function startScript(path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Program> {
  return startProgram(process.execPath, ["--import", "tsx", path, ...args], env);
}

/** Starts a program, and waits until it has printed an address of this machine. It ends with this process at the latest. */
export async function startProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  address = /http:\/\/(127\.0\.0\.1:\d+)/,
): Promise<Program> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: "pipe" });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  // Its input ends with this process, however that ends. Writing to it is never tried, so nothing can fail.
  child.stdin.on("error", () => undefined);
  let output = "";
  const hostAndPort = await new Promise<string>((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${command} ${args.join(" ")} ${what}:\n${output}`));
    const late = setTimeout(() => {
      kill();
      fail("did not start in time");
    }, START_MILLIS);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      fail(`ended with ${code ?? signal} before it served`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        // Whole lines only: an address may come in two pieces.
        const [, found] = address.exec(output.slice(0, output.lastIndexOf("\n"))) ?? [];
        if (found === undefined) return;
        clearTimeout(late);
        resolve(found);
      });
    }
  });
  return { url: `http://${hostAndPort}`, output: () => output, stop: (signal) => stop(child, signal) };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): ReturnType<Program["stop"]> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "close");
    child.kill(signal);
    await ended;
  }
  return { exitCode: child.exitCode, signal: child.signalCode };
}
