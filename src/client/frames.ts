import { createParser } from "eventsource-parser";
import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import { decodeEvent } from "../wire/event-json.js";
import { knownOutcome } from "./known-outcome.js";

/** What a stream of server-sent events says. */
export type Frame =
  | { readonly kind: "event"; readonly event: BusEvent }
  | { readonly kind: "caught-up" }
  /** `id` is that of the run's last event. */
  | { readonly kind: "end"; readonly end: SubscriptionEnd; readonly id: string | undefined };

/** An event is at most 32 KiB; what is longer is no stream of events. */
const MAX_FRAME = 1024 * 1024;

/** Makes frames of bytes as they come. */
export class Frames {
  readonly #decoder = new TextDecoder();
  #found: Frame[] = [];
  #fault: unknown;
  readonly #parser = createParser({
    maxBufferSize: MAX_FRAME,
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") this.#fault ??= error;
    },
    onEvent: ({ event, data, id }) => {
      if (this.#fault) return;
      try {
        const frame = frameOf(event, data, id);
        if (frame) this.#found.push(frame);
      } catch (error) {
        this.#fault = error;
      }
    },
  });

  /** Why it is no stream of events, behind the frames found so far; undefined as long as it is one. */
  get fault(): unknown {
    return this.#fault;
  }

  of(bytes: Uint8Array): readonly Frame[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

/**
 * The end of a run, without an outcome that this client does not know: an endpoint may say more.
 *
 * @throws TypeError for a reason that is none: everything else is a cut.
 */
export function runEnd(reason: unknown, outcome: unknown): SubscriptionEnd {
  if (reason !== "closed" && reason !== "producer-lost") {
    const got = JSON.stringify(reason);
    throw new TypeError(`\`reason\` of an end must be "closed" or "producer-lost", got ${got}`);
  }
  const known = knownOutcome(outcome);
  return Object.freeze({ reason, ...(known && { outcome: known }) });
}

/** Undefined for what this client does not know: an endpoint may say more. */
function frameOf(name: string | undefined, data: string, id: string | undefined): Frame | undefined {
  switch (name) {
    case undefined:
    case "message":
      return { kind: "event", event: decodeEvent(data) };
    case "caught-up":
      return { kind: "caught-up" };
    case "end":
      return { kind: "end", end: decodeEnd(data), id };
    default:
      return undefined;
  }
}

function decodeEnd(data: string): SubscriptionEnd {
  const { reason, outcome } = (JSON.parse(data) ?? {}) as { reason?: unknown; outcome?: unknown };
  return runEnd(reason, outcome);
}
