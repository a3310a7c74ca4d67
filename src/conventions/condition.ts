import type { Where } from "./convention.js";
import type { Facts } from "./facts.js";
import { written } from "./facts.js";
import { TextPattern } from "./pattern.js";

/** A `where`, ready to be asked. */
export class Condition {
  readonly #scope: TextPattern | undefined;
  readonly #names: readonly TextPattern[] | undefined;
  readonly #attributes: readonly (readonly [string, TextPattern])[];
  readonly #anyAttribute: TextPattern | undefined;

  constructor({ scope, name, attributes = {}, anyAttribute }: Where) {
    this.#scope = scope === undefined ? undefined : new TextPattern(scope);
    this.#names = name?.map((pattern) => new TextPattern(pattern));
    this.#attributes = Object.entries(attributes).map(([key, pattern]) => [key, new TextPattern(pattern)]);
    this.#anyAttribute = anyAttribute === undefined ? undefined : new TextPattern(anyAttribute);
  }

  holds(facts: Facts): boolean {
    const any = this.#anyAttribute;
    return (
      this.#scope?.matches(facts.scope) !== false &&
      this.#names?.some((pattern) => pattern.matches(facts.name)) !== false &&
      this.#attributes.every(([key, pattern]) => pattern.matches(written(facts.attribute(key)))) &&
      (any === undefined || facts.hasAttribute((key) => any.matches(key)))
    );
  }
}
