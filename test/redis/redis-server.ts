import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Whether a Redis server is installed. On CI it has to be. */
export function hasRedis(): boolean {
  const found = isInstalled("redis-server");
  if (!found && process.env["CI"]) throw new Error("redis-server is not installed; .ci/run installs it");
  return found;
}

/** Whether a Valkey server is installed: not every distribution has one. */
export function hasValkey(): boolean {
  return isInstalled("valkey-server");
}

type Program = "redis-server" | "valkey-server";

function isInstalled(program: Program): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.some((folder) => existsSync(join(folder, program)));
  if (!found) process.stderr.write(`${program} is not installed: the tests that need it are skipped\n`);
  return found;
}

export interface ServerOptions {
  /** Writes every command to disk before it is answered; without it a restart forgets everything. */
  readonly persistent?: boolean;
  readonly args?: readonly string[];
  /** Default `redis-server`. */
  readonly program?: Program;
}

/** A real Redis on a free port of this machine. It ends with this process at the latest. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, options: ServerOptions) {
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  static async start(options: ServerOptions = {}): Promise<RedisServer> {
    for (let tries = 5; ; tries -= 1) {
      const folder = await mkdtemp(join(tmpdir(), "spanbus-redis-"));
      const server = new RedisServer(await freePort(), folder, options);
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.stop();
        if (tries === 1 || !isPortTaken(error)) throw error;
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it, also again, and waits until it takes connections. */
  async start(): Promise<void> {
    const { persistent = false, args = [], program = "redis-server" } = this.#options;
    const durable = persistent ? ["--appendonly", "yes", "--appendfsync", "always"] : ["--appendonly", "no"];
    const address = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder];
    const child = spawn(program, [...address, "--save", "", ...durable, ...args], { stdio: "pipe" });
    const kill = (): boolean => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    this.#child = child;
    let output = "";
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${output}`)));
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          if (output.includes("Ready to accept connections")) resolve();
        });
      }
    });
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Whether a server did not start because another program took the port that was free before. */
export function isPortTaken(error: unknown): boolean {
  return String(error).includes("Address already in use");
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
