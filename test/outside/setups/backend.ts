import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Whatever a set-up exports to, on loopback: it takes everything, and says when something came. */
export class Backend {
  readonly #server: Server;
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://backend").pathname;
      const answer = (): void => void response.setHeader("content-type", "application/json").end("{}");
      request.resume().once("end", () => {
        const awaited = /^\/wait-for(.*)/.exec(path)?.[1];
        if (awaited === undefined) {
          this.#came(path);
          answer();
        } else if (this.#seen.has(awaited)) answer();
        else this.#waiting.set(awaited, [...(this.#waiting.get(awaited) ?? []), answer]);
      });
    });
  }

  static async start(): Promise<Backend> {
    const backend = new Backend();
    backend.#server.listen(0, "127.0.0.1");
    await once(backend.#server, "listening");
    return backend;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get seen(): readonly string[] {
    return [...this.#seen];
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #came(path: string): void {
    this.#seen.add(path);
    for (const answer of this.#waiting.get(path) ?? []) answer();
    this.#waiting.delete(path);
  }
}
