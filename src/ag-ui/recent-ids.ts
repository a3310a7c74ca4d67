const MAX_REMEMBERED = 1000;

/** Ids that others make: one that comes again gets a number, since it would add to what it named before. */
export class RecentIds {
  readonly #seen = new Map<string, number>();

  distinct(id: string): string {
    const times = (this.#seen.get(id) ?? 0) + 1;
    this.#seen.delete(id);
    this.#seen.set(id, times);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MAX_REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    return times === 1 ? id : `${id}-${times}`;
  }
}
