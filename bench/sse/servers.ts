import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createChannel, createSession } from "better-sse";
import { EventBus } from "spanbus";
import { createHandler, type Handler } from "spanbus/http";
import { dataOf, eventOf, frameOf, RUN, type SentEvent, TYPE } from "./event.js";

/** A server of server-sent events, that sends each event to everybody who is connected. */
export interface SseServer {
  readonly port: number;
  publish(n: number): void;
  /** What was published in one turn is through. */
  endTurn?(): void;
  /** Id of the first event, behind which a client goes on. */
  firstId(): string;
  /** What slow clients lost, where that is counted. */
  dropped?(): number;
}

export type OpenServer = () => Promise<SseServer>;

export const spanbus: OpenServer = () => openBus((handler) => getRequestListener(handler));

/** As servers get it that have no response of Node to hand over. */
export const spanbusResponse: OpenServer = () =>
  openBus((handler) => getRequestListener((request) => handler(request)));

async function openBus(listenerOf: (handler: Handler) => ReturnType<typeof getRequestListener>): Promise<SseServer> {
  const bus = new EventBus();
  const handler = createHandler(bus, { authorize: () => true, maxConnections: 2000 });
  let first = "";
  return {
    port: await listen(listenerOf(handler)),
    publish(n) {
      const event = bus.publish({ runId: RUN, type: TYPE, data: dataOf(n) });
      first ||= event?.id ?? "";
    },
    firstId: () => first,
    dropped: () => bus.stats({ depths: false }).dropped,
  };
}

export const betterSse: OpenServer = async () => {
  const channel = createChannel();
  const missed: SentEvent[] = [];
  const listener: RequestListener = async (request, response) => {
    const session = await createSession(request, response, { keepAlive: null });
    if (isResuming(request)) for (const event of missed.slice(1)) session.push(event, "message", event.id);
    channel.register(session);
  };
  return {
    port: await listen(listener),
    publish(n) {
      const event = eventOf(n);
      keep(missed, event);
      channel.broadcast(event, "message", { eventId: event.id });
    },
    firstId: () => missed[0]?.id ?? "",
  };
};

/** Made and written for each client. */
export const perClient: OpenServer = async () => {
  const responses = new Set<ServerResponse>();
  const missed: SentEvent[] = [];
  const listener: RequestListener = (request, response) => {
    open(response);
    if (isResuming(request)) for (const event of missed.slice(1)) response.write(frameOf(event));
    add(responses, response);
  };
  return {
    port: await listen(listener),
    publish(n) {
      const event = eventOf(n);
      keep(missed, event);
      for (const response of responses) response.write(frameOf(event));
    },
    firstId: () => missed[0]?.id ?? "",
  };
};

/** Made once, and written for each client. */
export const sharedBuffer: OpenServer = async () => {
  const responses = new Set<ServerResponse>();
  const missed: Buffer[] = [];
  const listener: RequestListener = (request, response) => {
    open(response);
    if (isResuming(request)) response.write(Buffer.concat(missed.slice(1)));
    add(responses, response);
  };
  return {
    port: await listen(listener),
    publish(n) {
      const frame = Buffer.from(frameOf(eventOf(n)));
      keep(missed, frame);
      for (const response of responses) response.write(frame);
    },
    firstId: () => eventOf(1).id,
  };
};

/** One chunk per turn, made once with its HTTP frame, and written to the sockets. */
export const limit: OpenServer = async () => {
  const sockets = new Set<Socket>();
  const missed: Buffer[] = [];
  let waiting: Buffer[] = [];
  const listener: RequestListener = (request, response) => {
    open(response);
    if (isResuming(request)) response.write(Buffer.concat(missed.slice(1)));
    const { socket } = response;
    if (!socket) return;
    sockets.add(socket);
    response.on("close", () => sockets.delete(socket));
  };
  return {
    port: await listen(listener),
    publish(n) {
      const frame = Buffer.from(frameOf(eventOf(n)));
      keep(missed, frame);
      waiting.push(frame);
    },
    endTurn() {
      const body = Buffer.concat(waiting);
      waiting = [];
      const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")]);
      for (const socket of sockets) socket.write(chunk);
    },
    firstId: () => eventOf(1).id,
  };
};

const HISTORY = 501;

function keep<T>(kept: T[], value: T): void {
  kept.push(value);
  if (kept.length > 2 * HISTORY) kept.splice(0, HISTORY);
}

function isResuming({ headers }: IncomingMessage): boolean {
  return headers["last-event-id"] !== undefined;
}

function open(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": welcome\n\n");
}

function add(responses: Set<ServerResponse>, response: ServerResponse): void {
  responses.add(response);
  response.on("close", () => responses.delete(response));
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2000 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
