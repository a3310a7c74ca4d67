import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

export interface LocalRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** Runs until its input ends, as it does with the program that started it. Its output ends with the server. */
const guarded = 'redis-server "$@" & exec >&-; read -r _; kill $!; wait';

/** Starts the `redis-server` of this machine on a free port, for this machine alone. It keeps nothing when it ends. */
export async function startRedis(): Promise<LocalRedis> {
  const port = await freePort();
  const settings = { port, bind: "127.0.0.1", save: "", appendonly: "no" };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // In a group of its own: Ctrl-C shall not reach it before everybody has said what there was to say.
  const server = spawn("sh", ["-c", guarded, "sh", ...args], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  const ended = once(server, "exit");
  const stop = async (): Promise<void> => {
    server.stdin.end();
    await ended;
  };
  for await (const line of createInterface({ input: server.stdout })) {
    if (!line.includes("Ready to accept connections")) continue;
    server.stdout.resume();
    return { url: `redis://127.0.0.1:${port}`, stop };
  }
  await stop();
  throw new Error(
    "redis-server did not start: install it (Debian's package is redis-server), or name a Redis by REDIS_URL",
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
