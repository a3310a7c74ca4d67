import { once } from "node:events";
import { createServer, get, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { BusEvent, EventBus } from "spanbus";
import { createHandler, type Handler, type HandlerOptions, type ReadableBus } from "spanbus/http";
import { afterEach } from "vitest";

/** Lets everybody read everything. */
export const everybody = () => true;

const closing: (() => Promise<void>)[] = [];

/** Closes what the tests of the file opened, after each of them. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
}

/** The ways by which a server of Node takes a handler. */
const doors = {
  /** It is given Node's response, and streams go straight into that. */
  straight: (handler: Handler) => getRequestListener(handler),
  /** All it gives is a `Response`. */
  response: (handler: Handler) => getRequestListener((request) => handler(request)),
};
let door: keyof typeof doors = "straight";

/** From now on this file's servers take this one. */
export function serveBy(chosen: keyof typeof doors): void {
  door = chosen;
}

/** A handler of the bus behind a real server. Gives its address, without a slash at the end. */
export function serve(bus: ReadableBus, options: Partial<HandlerOptions> = {}): Promise<string> {
  return listen(createServer(doors[door](createHandler(bus, { authorize: everybody, ...options }))));
}

export async function listen(server: Server): Promise<string> {
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2000 });
  await once(server, "listening");
  closing.push(async () => {
    // A server of HTTP/2 has none but sessions, which their clients end.
    server.closeAllConnections?.();
    server.close();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An answer without a socket, for what a socket does not change. */
export function asker(
  bus: EventBus,
  options: Partial<HandlerOptions> = {},
): (path: string, init?: RequestInit) => Promise<Response> {
  const handler: Handler = createHandler(bus, { authorize: everybody, ...options });
  return (path, init) => handler(new Request(`http://localhost${path}`, init));
}

/** One request on a socket of its own, read only as far as somebody asks. */
export class Client {
  readonly response: IncomingMessage;
  readonly #received: EventSourceMessage[] = [];
  readonly #comments: string[] = [];
  readonly #parser = createParser({
    onEvent: (message) => this.#received.push(message),
    onComment: (comment) => this.#comments.push(comment),
  });
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #decoder = new TextDecoder();

  private constructor(response: IncomingMessage) {
    this.response = response;
    this.#chunks = response[Symbol.asyncIterator]();
    closing.push(async () => this.cut());
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const sent = get(url, { agent: false, headers });
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    sent.on("error", () => undefined);
    return new Client(response);
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  /** The next message of any name. Undefined when the body is over. */
  async message(): Promise<EventSourceMessage | undefined> {
    while (this.#received.length === 0 && (await this.#read()));
    return this.#received.shift();
  }

  /** The next comment; messages before it are kept for later. */
  async comment(): Promise<string | undefined> {
    while (this.#comments.length === 0 && (await this.#read()));
    return this.#comments.shift();
  }

  /** All messages up to the first of this name, which is left out. */
  async until(name: string): Promise<EventSourceMessage[]> {
    const messages: EventSourceMessage[] = [];
    for (;;) {
      const message = await this.message();
      if (!message) throw new Error(`the body ended before "${name}"`);
      if (message.event === name) return messages;
      messages.push(message);
    }
  }

  async toEnd(): Promise<EventSourceMessage[]> {
    const messages: EventSourceMessage[] = [];
    for (let message = await this.message(); message; message = await this.message()) messages.push(message);
    return messages;
  }

  /** The next so many events. */
  async events(count: number): Promise<BusEvent[]> {
    const events: BusEvent[] = [];
    while (events.length < count) {
      const message = await this.message();
      if (!message) throw new Error(`the body ended after ${events.length} of ${count} events`);
      if (message.event === undefined) events.push(eventOf(message));
    }
    return events;
  }

  /** As a lost network does it. */
  cut(): void {
    this.response.destroy();
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (!done) this.#parser.feed(this.#decoder.decode(value, { stream: true }));
    return !done;
  }
}

export function eventOf(message: EventSourceMessage): BusEvent {
  return JSON.parse(message.data) as BusEvent;
}

/** A message in a word: the number of a note, `gap 3`, the type of an event, or the name of what is none. */
export function inAWord(message: EventSourceMessage): number | string {
  if (message.event !== undefined) return message.event;
  const event = eventOf(message);
  if (event.type === "bus.gap") return `gap ${event.data.missed}`;
  const { n } = event.data as unknown as Record<string, unknown>;
  return typeof n === "number" ? n : event.type;
}

/** The status line and headers of a request that a `Request` could not make. */
export async function raw(
  url: string,
  path: string,
  method = "GET",
): Promise<{ status: number; type: string; body: string }> {
  const { hostname, port } = new URL(url);
  const sent = request({ hostname, port, path, method, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", body };
}
