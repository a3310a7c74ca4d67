import type { BusEvent } from "../bus/event.js";
import { eventFrame, idLine } from "./sse.js";

interface Encoded {
  readonly frame: Uint8Array;
  /** What of the frame is behind its id, once somebody wants it. */
  anonymous?: Uint8Array;
}

interface Joined {
  readonly frames: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

/** Readers of a live event come for it within moments; what is older is made again. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Frames of events in bytes, made once for everybody who reads them about then. At most `maxBytes` of them are kept, and none
 * longer than its event: two halves, of which the older is forgotten when the newer is full.
 */
export class Frames {
  readonly #encoder = new TextEncoder();
  readonly #maxHalf: number;
  #newer = new WeakMap<BusEvent, Encoded>();
  #older = new WeakMap<BusEvent, Encoded>();
  /** Bytes that went into the newer half. */
  #bytes = 0;
  #joined: Joined = { frames: [], bytes: new Uint8Array() };

  constructor({ maxBytes = MAX_BYTES }: { readonly maxBytes?: number } = {}) {
    this.#maxHalf = maxBytes / 2;
  }

  /** `resumable: false` leaves out the id, as in `eventFrame`. Shared: not to be changed or transferred. */
  of(event: BusEvent, { resumable }: { readonly resumable: boolean }): Uint8Array {
    const encoded = this.#newer.get(event) ?? this.#older.get(event) ?? this.#encode(event);
    if (resumable) return encoded.frame;
    encoded.anonymous ??= encoded.frame.subarray(idLine(event.id).length);
    return encoded.anonymous;
  }

  /** A frame that is not an event. */
  text(frame: string): Uint8Array {
    return this.#encoder.encode(frame);
  }

  /** Frames in one piece, made once for all who send the same about then. Shared like each of them. */
  joined(frames: readonly Uint8Array[]): Uint8Array {
    const [first] = frames;
    if (first && frames.length === 1) return first;
    if (!areSame(frames, this.#joined.frames)) this.#joined = { frames, bytes: join(frames) };
    return this.#joined.bytes;
  }

  #encode(event: BusEvent): Encoded {
    const encoded: Encoded = { frame: this.#encoder.encode(eventFrame(event)) };
    const { length } = encoded.frame;
    if (this.#bytes + length > this.#maxHalf) {
      this.#older = this.#newer;
      this.#newer = new WeakMap();
      this.#bytes = 0;
    }
    if (length <= this.#maxHalf) {
      this.#newer.set(event, encoded);
      this.#bytes += length;
    }
    return encoded;
  }
}

function areSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return some.length === others.length && some.every((frame, index) => frame === others[index]);
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(frames.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}
