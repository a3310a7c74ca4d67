import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { getRequestListener } from "@hono/node-server";
import { EventBus, type EventBusOptions } from "spanbus";
import { createHandler, type HandlerOptions } from "spanbus/http";
import { afterEach } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The second is there when it is counted what of the command is run. */
const passedOn = Object.fromEntries(
  ["PATH", "NODE_V8_COVERAGE"].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
);
const closing: (() => Promise<void>)[] = [];

/** Ends what the tests of the file started, after each of them. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
}

/** How a command ended, and all it wrote. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly notes: string;
}

/** The real command in a process of its own, its output in a pipe. */
export class Command {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  #output = "";
  #notes = "";
  readonly #lines: string[] = [];
  readonly #waiting: (() => void)[] = [];
  #isOver = false;

  /** `output` is a file descriptor instead of the pipe. */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    { output = "pipe" }: { output?: "pipe" | number } = {},
  ) {
    this.process = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
      cwd: root,
      env: { ...passedOn, TZ: "UTC", ...env },
      stdio: ["ignore", output, "pipe"],
    });
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#notes += text;
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.#take(line));
    }
    this.ended = once(this.process, "close").then(([code]) => {
      this.#isOver = true;
      for (const wake of this.#waiting.splice(0)) wake();
      return { code: code as number | null, output: this.#output, notes: this.#notes };
    });
    closing.push(async () => {
      this.process.kill("SIGKILL");
      await this.ended;
    });
  }

  /** The next line, of its output or of its notes, that holds this text; those before it are passed over. */
  async line(holding: string): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line?.includes(holding)) return line;
      if (line !== undefined) continue;
      if (this.#isOver) throw new Error(`ended before "${holding}":\n${this.#output}\n${this.#notes}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #take(line: string): void {
    this.#lines.push(line);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Runs a command to its end. */
export function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Command(args, env).ended;
}

/** What a command writes to a terminal of so many columns. */
export async function inTerminal(
  columns: number,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const command = [process.execPath, "--import", "tsx", "src/cli/main.ts", ...args].join(" ");
  const { stdout } = await promisify(execFile)(
    "/usr/bin/script",
    ["-qec", `stty cols ${columns} && ${command}`, "/dev/null"],
    { cwd: root, env: { ...passedOn, TZ: "UTC", ...env } },
  );
  return stdout;
}

/** A server that is none of spanbus. Gives its address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A bus behind a real endpoint that can be cut, stopped and started again at the same address. */
export class Service {
  readonly bus: EventBus;
  readonly #options: Partial<HandlerOptions>;
  #server: Server | undefined;
  #port = 0;

  private constructor(bus: EventBusOptions, options: Partial<HandlerOptions>) {
    this.bus = new EventBus(bus);
    this.#options = options;
  }

  static async start(options: Partial<HandlerOptions> = {}, bus: EventBusOptions = {}): Promise<Service> {
    const service = new Service(bus, options);
    await service.up();
    closing.push(() => service.down());
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  async up(): Promise<void> {
    const handler = createHandler(this.bus, { authorize: () => true, ...this.#options });
    this.#server = createServer(getRequestListener(handler)).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts every connection; new ones are taken. */
  cut(): void {
    this.#server?.closeAllConnections();
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  /** Waits until so many readers are attached to the bus. */
  async attached(readers: number): Promise<void> {
    for (;;) {
      const { runSubscribers, globalSubscribers } = this.bus.stats();
      if (runSubscribers + globalSubscribers === readers) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Lines of an output, without the time of day in front. */
export function linesOf(output: string): string[] {
  return output
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ""));
}
