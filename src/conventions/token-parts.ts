import type { Convention, TokenParts } from "./convention.js";
import { type Facts, isObject } from "./facts.js";
import { TextPattern } from "./pattern.js";

type Count = "inputTokens" | "outputTokens";

/** Finds the parts of counts that a table tells apart from them, by the names it gives. */
export class TokenPartNames {
  readonly #key: string;
  readonly #patterns: Readonly<Record<Count, readonly TextPattern[]>>;
  /** Names of the counts that the parts are missing from. */
  readonly #wholes: ReadonlySet<string>;

  constructor({ key, inputTokens, outputTokens }: TokenParts, fields: Convention["fields"]) {
    const patterns = (list: readonly string[]) => list.map((pattern) => new TextPattern(pattern));
    this.#key = key;
    this.#patterns = { inputTokens: patterns(inputTokens), outputTokens: patterns(outputTokens) };
    const sources = [...(fields?.inputTokens ?? []), ...(fields?.outputTokens ?? [])];
    this.#wholes = new Set(
      sources.flatMap((each) => (typeof each === "object" && each.from === "json" ? [each.path] : [])),
    );
  }

  /** What is to be added to the count. */
  of(count: Count, facts: Facts): readonly number[] {
    const counts = facts.structure(this.#key);
    if (!isObject(counts)) return [];
    return Object.keys(counts).flatMap((name) => {
      const isPart = !this.#wholes.has(name) && this.#patterns[count].some((pattern) => pattern.matches(name));
      const value = isPart ? facts.inside(this.#key, [name]) : undefined;
      return typeof value === "number" && value > 0 ? [value] : [];
    });
  }
}
