import { Condition } from "./condition.js";
import type { ClaimedOperation, Convention } from "./convention.js";
import type { Facts } from "./facts.js";
import { TextPattern } from "./pattern.js";
import { TokenPartNames } from "./token-parts.js";

const countedByDefault: readonly ClaimedOperation[] = ["model", "embedding", "invocation"];

/** What one table says of its spans besides where their fields are. */
export class TableRules {
  readonly #counted: readonly ClaimedOperation[];
  readonly #countedWhere: Condition;
  /** Attribute to the scopes in which setting it means a first chunk. */
  readonly #firstChunk: ReadonlyMap<string, TextPattern>;
  /** Where it tells the parts of its counts, if it does so by their names. */
  readonly parts: TokenPartNames | undefined;

  constructor({ tokens, firstChunk, fields }: Convention) {
    this.parts = tokens?.parts && new TokenPartNames(tokens.parts, fields);
    this.#counted = tokens?.operations ?? countedByDefault;
    this.#countedWhere = new Condition(tokens?.where ?? {});
    const attributes = firstChunk?.attributes ?? [];
    this.#firstChunk = new Map(attributes.map(({ key, scope = "*" }) => [key, new TextPattern(scope)]));
  }

  /** The tokens of such spans are meant to be added up. */
  counts(operation: ClaimedOperation): boolean {
    return this.#counted.includes(operation);
  }

  countsWhere(facts: Facts): boolean {
    return this.#countedWhere.holds(facts);
  }

  /** On a span of this scope, setting the attribute means that the first chunk is here. */
  isFirstChunk(key: string, scope: string): boolean {
    return this.#firstChunk.get(key)?.matches(scope) ?? false;
  }
}
