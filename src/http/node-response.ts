import type { EventBody, Sink } from "./event-body.js";

/** What is used of a response of `node:http` or `node:http2`. */
export interface NodeResponse {
  readonly headersSent: boolean;
  /** The client is gone, or so says the stream of HTTP/2 behind it. */
  readonly destroyed?: boolean;
  readonly stream?: { readonly destroyed: boolean } | undefined;
  /** None while HTTP/1 has answers to write to the client before this one. */
  readonly socket?: unknown;
  readonly req?: { readonly socket: Connection };
  getHeader(name: string): number | string | string[] | undefined;
  removeHeader(name: string): void;
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): void;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(error?: unknown): unknown;
  on(event: "close" | "error", listener: () => void): unknown;
  once(event: "drain", listener: () => void): unknown;
}

interface Connection {
  readonly destroyed: boolean;
  setMaxListeners(count: number): unknown;
  once(event: "close", listener: () => void): unknown;
}

const methods = [
  "getHeader",
  "removeHeader",
  "writeHead",
  "flushHeaders",
  "write",
  "end",
  "destroy",
  "on",
  "once",
] as const;

/** The response that an adapter hands over beside the request, by shape: `@hono/node-server` gives `{ incoming, outgoing }`. */
export function nodeResponse(given: unknown): NodeResponse | undefined {
  if (typeof given !== "object" || given === null || !("outgoing" in given)) return undefined;
  const outgoing = given.outgoing as NodeResponse | null | undefined;
  const isFresh = outgoing?.headersSent === false && methods.every((each) => typeof outgoing[each] === "function");
  return isFresh ? outgoing : undefined;
}

/**
 * Sends a body as the answer, without a `Response` and its streams on the way. What it returns tells the adapter that
 * nothing is left to do.
 */
export function sendBody(body: EventBody, headers: Headers, outgoing: NodeResponse): Response {
  const leave = (): void => body.cancel();
  // Somebody else answered while it was asked who may read.
  if (outgoing.headersSent) {
    leave();
    return alreadySent();
  }
  outgoing.on("close", leave);
  // Others may end it, or destroy it. What is written then is an error of nobody's.
  outgoing.on("error", leave);
  const connection = waitsBehindOthers(outgoing) ? outgoing.req?.socket : undefined;
  // A client may ask for as many at once as it likes: no leak to warn of.
  connection?.setMaxListeners(0);
  connection?.once("close", leave);
  // HTTP/1 then ends the body with the connection: each chunk is one write to the socket, not the four of chunked coding.
  outgoing.removeHeader("Transfer-Encoding");
  // Node itself would promise to keep it open. A stream of HTTP/2 has no connection of its own.
  if (!outgoing.stream) headers.set("Connection", "close");
  for (const name of [outgoing.getHeader("Vary") ?? []].flat()) headers.append("Vary", String(name));
  try {
    outgoing.writeHead(200, Object.fromEntries(headers));
    outgoing.flushHeaders();
  } catch (error) {
    leave();
    throw error;
  }
  if (isGone(outgoing) || connection?.destroyed) leave();
  else body.pull(new NodeSink(body, outgoing));
  return alreadySent();
}

/** What closed before somebody listened does not say so again. */
function isGone({ destroyed, stream }: NodeResponse): boolean {
  return destroyed === true || stream?.destroyed === true;
}

/** Such a response is not told when its connection closes. */
function waitsBehindOthers({ socket }: NodeResponse): boolean {
  return socket === null;
}

/** Writes as long as the client reads: what it leaves unread stays on the bus but for one chunk, and what Node buffers. */
class NodeSink implements Sink {
  readonly #body: EventBody;
  readonly #outgoing: NodeResponse;

  constructor(body: EventBody, outgoing: NodeResponse) {
    this.#body = body;
    this.#outgoing = outgoing;
  }

  write(bytes: Uint8Array): boolean {
    try {
      if (this.#outgoing.write(bytes)) return true;
      this.#outgoing.once("drain", () => this.#body.pull(this));
    } catch (error) {
      // Whoever wrapped the response let it fail: half a frame may be out.
      this.#body.cancel();
      this.#outgoing.destroy(error);
    }
    return false;
  }

  end(): void {
    this.#outgoing.end();
  }
}

/** The mark by which the adapter knows: what its `RESPONSE_ALREADY_SENT` says. */
function alreadySent(): Response {
  const response = new Response(null, { headers: { "x-hono-already-sent": "true" } });
  // Its own kind of `Response` is only read for the mark once somebody has asked for the body.
  void response.body;
  return response;
}
