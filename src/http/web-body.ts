import type { EventBody, Sink } from "./event-body.js";
import { unheld } from "./unheld.js";

/** A server begins to read at once. Who has not by then, in milliseconds, dropped the body and told nobody. */
const UNREAD_MILLIS = 30_000;

/** A body as that of a `Response`. One that nobody begins to read leaves by itself. */
export function webBody(body: EventBody): ReadableStream<Uint8Array> {
  const unread = unheld(() => body.cancel(), UNREAD_MILLIS);
  // Whoever ends the readers meanwhile needs no timer to do it.
  body.ended.then(() => clearTimeout(unread));
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        clearTimeout(unread);
        body.pull(new WebSink(controller));
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** Is read chunk by chunk. */
class WebSink implements Sink {
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;

  constructor(controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#controller = controller;
  }

  /** Copied: a consumer may do with the bytes what it likes. */
  write(bytes: Uint8Array): boolean {
    this.#controller.enqueue(bytes.slice());
    return false;
  }

  end(): void {
    this.#controller.close();
  }
}
