import { flat } from "./bounded-json.js";

/** Fields of which the latest text is remembered. */
const MAX_FIELDS = 64;
/** Longer texts are content, which hardly ever comes again. */
const MAX_LENGTH = 64;

/**
 * The texts of one run, field by field, of which most say the same as in the event before: those share one copy, which is
 * quicker than another and takes no room.
 */
export class RepeatedTexts {
  readonly #latest = new Map<string | undefined, string>();

  /** A flat copy of the text. What is in lists has no field of its own. */
  copy(field: string | undefined, text: string): string {
    // V8 copies short texts anyway.
    if (text.length < 13) return text;
    if (text.length > MAX_LENGTH) return flat(text);
    const latest = this.#latest.get(field);
    if (latest === text) return latest;
    const copy = flat(text);
    if (latest !== undefined || this.#latest.size < MAX_FIELDS) this.#latest.set(field, copy);
    return copy;
  }
}
