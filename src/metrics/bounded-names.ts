const MAX_NAMES = 100;
const MAX_LENGTH = 128;
const OTHER = "_other";

/** Keeps the values of each attribute few: the first 100 keep their name, the rest share one. */
export class BoundedNames {
  readonly #seen = new Map<string, Set<string>>();

  of(attribute: string, value: string): string {
    const name = value.slice(0, MAX_LENGTH);
    const seen = this.#seen.get(attribute) ?? new Set();
    this.#seen.set(attribute, seen);
    if (!seen.has(name) && seen.size === MAX_NAMES) return OTHER;
    seen.add(name);
    return name;
  }
}
