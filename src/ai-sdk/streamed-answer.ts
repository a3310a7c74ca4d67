import { type Facts, facts, text } from "./message.js";

/** More of an answer is in no event. */
const MAX_LENGTH = 16_384;

/** Puts the parts of a streamed answer together to what a call that does not stream returns. */
export class StreamedAnswer {
  #text = "";
  #reasoning = "";
  readonly #others: Facts[] = [];
  #length = 0;
  #end: Facts = {};
  #response: Facts = {};
  /** The failure that came as a part. */
  failure: { readonly error: unknown } | undefined;

  /** Takes a part in. True if it is output: the first of that kind is the first chunk. */
  add(value: unknown): boolean {
    const part = facts(value);
    const delta = text(part["delta"]);
    switch (part["type"]) {
      case "text-delta":
        if (this.#fits(delta)) this.#text += delta;
        return delta !== undefined;
      case "reasoning-delta":
        if (this.#fits(delta)) this.#reasoning += delta;
        return delta !== undefined;
      case "tool-input-delta":
        return delta !== undefined;
      case "tool-call":
      case "tool-result":
      case "file":
        if (this.#fits(text(part["input"]) ?? " ")) this.#others.push(part);
        return part["type"] !== "tool-result";
      case "response-metadata":
        this.#response = part;
        return false;
      case "finish":
        this.#end = part;
        return false;
      case "error":
        this.failure = { error: part["error"] };
        return false;
      default:
        return false;
    }
  }

  get result(): Facts {
    const reasoning = this.#reasoning === "" ? [] : [{ type: "reasoning", text: this.#reasoning }];
    const answer = this.#text === "" ? [] : [{ type: "text", text: this.#text }];
    return {
      content: [...reasoning, ...answer, ...this.#others],
      finishReason: this.#end["finishReason"],
      usage: this.#end["usage"],
      response: this.#response,
    };
  }

  #fits(added: string | undefined): boolean {
    if (added === undefined || this.#length > MAX_LENGTH) return false;
    this.#length += added.length;
    return true;
  }
}
