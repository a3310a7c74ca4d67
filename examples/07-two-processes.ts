/**
 * Agents in one process, their live page in another, and Redis between them. Starts all three, Redis only if `REDIS_URL` names
 * none, and runs until Ctrl-C; `--trips 2` ends it after two agents.
 *
 * What is worth reading stands in two-processes/worker.ts and two-processes/web.ts. Each runs by itself, too.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startRedis } from "./two-processes/local-redis.js";
import { surroundings } from "./two-processes/surroundings.js";

const { redisUrl, ending } = surroundings();
const ownRedis = process.env["REDIS_URL"] ? undefined : await startRedis();
const url = ownRedis?.url ?? redisUrl;
console.log(`redis  │ ${ownRedis ? "started" : "given"} at ${new URL(url).host}`);

const running: ChildProcess[] = [];
const stop = (): void => {
  for (const program of running) program.kill();
};
ending.addEventListener("abort", stop);

const web = start("web");
// The global stream is live only: whoever shall see the first agent has to be there before it.
await Promise.race([once(web, "message"), once(web, "exit")]);
if (web.connected && !ending.aborted) start("worker");
const codes = await Promise.all(running.map(exitCodeOf));

await ownRedis?.stop();
console.log("all have ended");
process.exitCode = ending.aborted || codes.every((code) => code === 0) ? 0 : 1;

/** A program of this folder. Each line that it prints gets its name. */
function start(name: "web" | "worker"): ChildProcess {
  const path = fileURLToPath(new URL(`./two-processes/${name}.ts`, import.meta.url));
  const program = fork(path, process.argv.slice(2), { silent: true, env: { ...process.env, REDIS_URL: url } });
  running.push(program);
  for (const [from, to] of [
    [program.stdout, process.stdout],
    [program.stderr, process.stderr],
  ] as const) {
    if (from) createInterface({ input: from }).on("line", (line) => to.write(`${name.padEnd(6)} │ ${line}\n`));
  }
  return program;
}

/** One that fails takes the other with it. */
async function exitCodeOf(program: ChildProcess): Promise<number | null> {
  if (program.exitCode === null && program.signalCode === null) await once(program, "close");
  if (program.exitCode !== 0) stop();
  return program.exitCode;
}
