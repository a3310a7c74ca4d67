import type { Pattern } from "./convention.js";

/** A pattern, cut at its `*`. */
export class TextPattern {
  readonly #prefix: string;
  /** `undefined`: no `*`, the text must be the prefix. */
  readonly #suffix: string | undefined;

  constructor(pattern: Pattern) {
    const star = pattern.indexOf("*");
    this.#prefix = star < 0 ? pattern : pattern.slice(0, star);
    this.#suffix = star < 0 ? undefined : pattern.slice(star + 1);
  }

  /** What is not there fits no pattern. */
  matches(text: string | undefined): boolean {
    if (this.#suffix === undefined) return text === this.#prefix;
    return (
      text !== undefined &&
      text.length >= this.#prefix.length + this.#suffix.length &&
      text.startsWith(this.#prefix) &&
      text.endsWith(this.#suffix)
    );
  }

  /** What stands where the `*` is; the whole text for a pattern without one. */
  captured(text: string | undefined): string | undefined {
    if (text === undefined || !this.matches(text)) return undefined;
    if (this.#suffix === undefined) return text;
    return text.slice(this.#prefix.length, text.length - this.#suffix.length);
  }
}

/** Finds the entry of a text in a table whose keys are texts and patterns; texts go before patterns. */
export class PatternMap<Value> {
  readonly #exact = new Map<string, Value>();
  readonly #patterns: (readonly [TextPattern, Value])[] = [];

  constructor(entries: Iterable<readonly [Pattern, Value]>) {
    for (const [key, value] of entries) {
      if (key.includes("*")) this.#patterns.push([new TextPattern(key), value]);
      else this.#exact.set(key, value);
    }
  }

  get(text: string): Value | undefined {
    const exact = this.#exact.get(text);
    if (exact !== undefined) return exact;
    for (const [pattern, value] of this.#patterns) if (pattern.matches(text)) return value;
    return undefined;
  }
}
