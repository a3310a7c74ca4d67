import { connect, type Socket } from "node:net";
import { MARK } from "./event.js";
import type { Answer, Command } from "./protocol.js";

/** Clients in a process of their own, over real sockets; they do as little as they can. `node clients.js <port> <path>`. */
const [port, path = "/"] = process.argv.slice(2);
const mark = Buffer.from(MARK);

class Client {
  /** Events that came. */
  events = 0;
  #tail = "";
  readonly #socket: Socket;
  readonly #keepsText: boolean;
  text = "";

  constructor(headers: string, keepsText: boolean, first: () => void, came: () => void) {
    this.#keepsText = keepsText;
    this.#socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n${headers}\r\n`);
    this.#socket.once("data", first);
    this.#socket.on("data", (chunk) => {
      this.#take(chunk);
      came();
    });
    this.#socket.on("error", (error) => fail(error));
  }

  stall(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    // Where two chunks meet.
    const seam = this.#tail + chunk.toString("latin1", 0, mark.length - 1);
    if (seam.includes(MARK)) this.events += 1;
    for (let at = chunk.indexOf(mark); at >= 0; at = chunk.indexOf(mark, at + mark.length)) this.events += 1;
    this.#tail =
      chunk.length >= mark.length - 1
        ? chunk.toString("latin1", chunk.length - mark.length + 1)
        : (this.#tail + chunk.toString("latin1")).slice(1 - mark.length);
    if (this.#keepsText) this.text += chunk.toString("latin1");
  }
}

let clients: Client[] = [];
let reading: Client[] = [];

const act: { [Each in Command["do"]]: (command: Extract<Command, { do: Each }>) => Promise<void> } = {
  async connect({ clients: count, stalled = 0 }) {
    clients = [];
    for (let from = 0; from < count; from += 50) {
      const some = Array.from({ length: Math.min(50, count - from) }, (_, index) => from + index);
      await Promise.all(
        some.map(
          (index) =>
            new Promise<void>((resolve) => {
              clients.push(new Client("", count <= 10, resolve, came));
              if (index < stalled) clients[index]?.stall();
              if (index < stalled) resolve();
            }),
        ),
      );
    }
    reading = clients.slice(stalled);
    answer({ did: "connect" });
  },
  async rounds({ events }) {
    perRound = events;
    missing = reading.length;
    target = Math.max(...reading.map((client) => client.events)) + events;
    answer({ did: "rounds" });
  },
  async numbers() {
    const numbers = clients.map(({ text }) => [...unchunked(text).matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n)));
    answer({ did: "numbers", numbers });
  },
  async resume({ times, events, after }) {
    const millis: number[] = [];
    for (let time = 0; time < times; time += 1) {
      const begin = performance.now();
      await new Promise<void>((resolve) => {
        const client = new Client(
          `Last-Event-ID: ${after}\r\n`,
          false,
          () => undefined,
          () => {
            if (client.events > events) fail(new Error(`${client.events} events instead of ${events}`));
            if (client.events < events) return;
            client.leave();
            resolve();
          },
        );
      });
      millis.push(performance.now() - begin);
    }
    answer({ did: "resume", millis });
  },
  async release({ events }) {
    const [client] = clients;
    client?.readOn();
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const gaps = [...unchunked(client?.text ?? "").matchAll(/"missed":(\d+)/g)];
      const missed = gaps.reduce((sum, [, count]) => sum + Number(count), 0);
      const received = client?.events ?? 0;
      if (received + missed >= events) {
        answer({ did: "release", received, missed });
        return;
      }
    }
  },
};

let perRound = 0;
let target = Number.POSITIVE_INFINITY;
let missing = 0;

/** Whoever has the events of the round is counted; when all have, the next round begins. */
function came(this: void): void {
  if (missing === 0) return;
  while (missing > 0 && (reading[missing - 1]?.events ?? 0) >= target) missing -= 1;
  if (missing > 0) return;
  target += perRound;
  missing = reading.length;
  answer({ did: "round" });
}

/** The body, without the sizes of its chunks. */
function unchunked(text: string): string {
  return text.replace(/\r\n[0-9a-f]+\r\n/g, "");
}

function answer(message: Answer): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}

process.on("message", (command: Command) => {
  (act[command.do] as (command: Command) => Promise<void>)(command).catch(fail);
});
process.on("disconnect", () => process.exit(0));
