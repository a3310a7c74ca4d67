import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Bytes that are on their way in one direction of a connection. */
const MAX_UNDERWAY = 16 * 1024;
const SLICE_MILLIS = 10;

/** Towards the server, or back. */
export type Direction = "there" | "back";
const directions: readonly Direction[] = ["there", "back"];

/** A connection: its two ends, and the directions in which nothing arrives any more. */
interface Line {
  readonly client: Socket;
  readonly server: Socket;
  readonly lost: Set<Direction>;
}

/** A network between clients and a server of this machine, which can be slow and can break in every way. */
export class Network {
  /** Of each connection, in each direction; no limit without. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  latencyMillis = 0;
  /** What becomes of what is sent to the server. */
  rewrite: (sent: string) => string = (sent) => sent;
  /** Nobody gets through who is not through already. */
  isDown = false;
  /** Connections that were made so far. */
  connections = 0;
  readonly #server: Server;
  readonly #lines = new Set<Line>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Network> {
    const server = createServer({ allowHalfOpen: true });
    const network = new Network(server);
    server.on("connection", (client) => {
      if (network.isDown) {
        client.on("error", () => undefined).resetAndDestroy();
        return;
      }
      network.connections += 1;
      const line: Line = {
        client,
        server: connect({ port, host: "127.0.0.1", allowHalfOpen: true }),
        lost: new Set(),
      };
      network.#lines.add(line);
      network.#carry(line, "there");
      network.#carry(line, "back");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return network;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `redis://127.0.0.1:${address.port}`;
  }

  /** What is sent over the connections that are open now vanishes, and nobody says so. New ones work. */
  strand(lost: readonly Direction[] = directions): void {
    for (const line of this.#lines) for (const direction of lost) line.lost.add(direction);
  }

  /** Resets the connections that are open now. */
  cut(): void {
    for (const { client, server } of this.#lines) for (const end of [client, server]) end.resetAndDestroy();
    this.#lines.clear();
  }

  /** The server says that it sends no more on the connections that are open now, and takes what comes. */
  halfClose(): void {
    for (const { client, lost } of this.#lines) {
      lost.add("back");
      client.end();
    }
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #carry(line: Line, direction: Direction): void {
    const [from, to] = direction === "there" ? [line.client, line.server] : [line.server, line.client];
    const isLost = (): boolean => line.lost.has(direction);
    // The other end of a connection that is stranded is not told.
    from.on("error", () => undefined).on("close", () => !isLost() && to.destroy());
    let sent = Promise.resolve();
    let underway = 0;
    from.on("data", (bytes: Buffer) => {
      const chunk = direction === "there" ? Buffer.from(this.rewrite(bytes.toString("latin1")), "latin1") : bytes;
      const due = performance.now() + this.latencyMillis;
      underway += chunk.length;
      if (underway > MAX_UNDERWAY) from.pause();
      sent = sent
        .then(() => this.#send(chunk, to, due, isLost))
        .then(() => {
          underway -= chunk.length;
          if (underway <= MAX_UNDERWAY) from.resume();
        });
    });
    from.on("end", () => {
      sent = sent.then(() => {
        if (!isLost()) to.end();
      });
    });
  }

  async #send(chunk: Buffer, to: Socket, due: number, isLost: () => boolean): Promise<void> {
    const early = due - performance.now();
    if (early > 0) await pause(early);
    for (let from = 0; from < chunk.length && !isLost() && !to.destroyed; ) {
      const room = Math.max(1, Math.floor((this.bytesPerSecond * SLICE_MILLIS) / 1000));
      const slice = chunk.subarray(from, from + room);
      if (!to.write(slice)) await writable(to);
      from += slice.length;
      const millis = (slice.length * 1000) / this.bytesPerSecond;
      if (millis > 0) await pause(millis);
    }
  }
}

/** Waits until there is room again, or the socket is gone. */
async function writable(socket: Socket): Promise<void> {
  const over = new AbortController();
  const events = ["drain", "close"].map((event) => once(socket, event, { signal: over.signal }));
  await Promise.race(events).catch(() => undefined);
  over.abort();
}
