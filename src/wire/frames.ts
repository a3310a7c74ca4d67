import type { BusEvent } from "../bus/event.js";
import { eventFrame, idLine } from "./sse.js";

interface Encoded {
  readonly frame: Uint8Array;
  /** Where the frame goes on behind its id. */
  readonly data: number;
}

/** Frames of events in bytes, made once for everybody who reads them and kept as long as the event is. */
export class Frames {
  readonly #encoder = new TextEncoder();
  readonly #encoded = new WeakMap<BusEvent, Encoded>();

  /** `resumable: false` leaves out the id, as in `eventFrame`. Shared: not to be changed or transferred. */
  of(event: BusEvent, { resumable }: { readonly resumable: boolean }): Uint8Array {
    let encoded = this.#encoded.get(event);
    if (!encoded) {
      encoded = { frame: this.#encoder.encode(eventFrame(event)), data: idLine(event.id).length };
      this.#encoded.set(event, encoded);
    }
    return resumable ? encoded.frame : encoded.frame.subarray(encoded.data);
  }

  /** A frame that is not an event. */
  text(frame: string): Uint8Array {
    return this.#encoder.encode(frame);
  }
}
