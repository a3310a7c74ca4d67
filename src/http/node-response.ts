import type { EventBody, Sink } from "./event-body.js";

/** What is used of a response of `node:http` or `node:http2`. */
export interface NodeResponse {
  readonly headersSent: boolean;
  /** The client is gone, or so says the stream of HTTP/2 behind it. */
  readonly destroyed?: boolean;
  readonly stream?: { readonly destroyed: boolean } | undefined;
  removeHeader(name: string): void;
  writeHead(status: number, headers: Record<string, string>): unknown;
  flushHeaders(): void;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(error?: unknown): unknown;
  on(event: "close" | "error", listener: () => void): unknown;
  once(event: "drain", listener: () => void): unknown;
}

const methods = ["removeHeader", "writeHead", "flushHeaders", "write", "end", "destroy", "on", "once"] as const;

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
  const sink = new NodeSink(body, outgoing);
  try {
    sink.begin(headers);
  } catch (error) {
    body.cancel();
    throw error;
  }
  return alreadySent();
}

/** Writes as long as the client reads: what it leaves unread stays on the bus but for one chunk, and what Node buffers. */
class NodeSink implements Sink {
  readonly #body: EventBody;
  readonly #outgoing: NodeResponse;
  #isGone = false;

  constructor(body: EventBody, outgoing: NodeResponse) {
    this.#body = body;
    this.#outgoing = outgoing;
  }

  begin(headers: Headers): void {
    const { destroyed, stream } = this.#outgoing;
    if (destroyed || stream?.destroyed) return this.#leave();
    const leave = (): void => this.#leave();
    this.#outgoing.on("close", leave);
    this.#outgoing.on("error", leave);
    // HTTP/1 then ends the body with the connection: each chunk is one write to the socket, not the four of chunked coding.
    this.#outgoing.removeHeader("Transfer-Encoding");
    this.#outgoing.writeHead(200, Object.fromEntries(headers));
    this.#outgoing.flushHeaders();
    this.#body.pull(this);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isGone) return false;
    try {
      if (this.#outgoing.write(bytes)) return true;
      this.#outgoing.once("drain", () => this.#body.pull(this));
    } catch (error) {
      // Whoever wrapped the response let it fail: half a frame may be out.
      this.#leave();
      this.#outgoing.destroy(error);
    }
    return false;
  }

  end(): void {
    if (!this.#isGone) this.#outgoing.end();
  }

  #leave(): void {
    this.#isGone = true;
    this.#body.cancel();
  }
}

/** The mark by which the adapter knows: what its `RESPONSE_ALREADY_SENT` says. */
function alreadySent(): Response {
  const response = new Response(null, { headers: { "x-hono-already-sent": "true" } });
  // Its own kind of `Response` is only read for the mark once somebody has asked for the body.
  void response.body;
  return response;
}
