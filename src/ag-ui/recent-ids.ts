const MAX_REMEMBERED = 1000;

/** Ids that others make: one that comes again gets a number, since it would add to what it named before. */
export class RecentIds {
  /** The number that each would get next. */
  readonly #seen = new Map<string, number>();

  distinct(id: string): string {
    let number = this.#seen.get(id) ?? 1;
    const numbered = (): string => (number === 1 ? id : `${id}-${number}`);
    // An id with a number may have been given by somebody else, too.
    while (number > 1 && this.#seen.has(numbered())) number += 1;
    const distinct = numbered();
    this.#remember(id, number + 1);
    if (distinct !== id) this.#remember(distinct, 2);
    return distinct;
  }

  #remember(id: string, next: number): void {
    this.#seen.delete(id);
    this.#seen.set(id, next);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }
}
