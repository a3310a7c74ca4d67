import { createParser } from "eventsource-parser";
import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import { decodeEvent } from "../wire/event-json.js";

/** What a stream of server-sent events says. */
export type Frame =
  | { readonly kind: "event"; readonly event: BusEvent }
  | { readonly kind: "caught-up" }
  | { readonly kind: "end"; readonly end: SubscriptionEnd };

/** An event is at most 32 KiB; what is longer is no stream of events. */
const MAX_FRAME = 1024 * 1024;

/** Makes frames of bytes as they come. */
export class Frames {
  readonly #decoder = new TextDecoder();
  #found: Frame[] = [];
  #fault: Error | undefined;
  readonly #parser = createParser({
    maxBufferSize: MAX_FRAME,
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") this.#fault = error;
    },
    onEvent: ({ event, data }) => {
      const frame = frameOf(event, data);
      if (frame) this.#found.push(frame);
    },
  });

  /** @throws if it is no stream of events. */
  of(bytes: Uint8Array): readonly Frame[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    if (this.#fault) throw this.#fault;
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

/** Undefined for what this client does not know: an endpoint may say more. */
function frameOf(name: string | undefined, data: string): Frame | undefined {
  switch (name) {
    case undefined:
    case "message":
      return { kind: "event", event: decodeEvent(data) };
    case "caught-up":
      return { kind: "caught-up" };
    case "end":
      return { kind: "end", end: Object.freeze(JSON.parse(data) as SubscriptionEnd) };
    default:
      return undefined;
  }
}
