/** A queue on a circular array: both ends in constant time, grown only as far as it is filled. */
export class Ring<T> {
  #slots: (T | undefined)[] = new Array(8).fill(undefined);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The entry at `index`, counted from the oldest. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#length
      ? undefined
      : this.#slots[(this.#first + index) & (this.#slots.length - 1)];
  }

  /** The entries from `index` on. */
  slice(index: number): T[] {
    const first = this.#first + index;
    const end = this.#first + this.#length;
    const { length } = this.#slots;
    if (end <= length) return this.#slots.slice(first, end) as T[];
    if (first >= length) return this.#slots.slice(first - length, end - length) as T[];
    return [...this.#slots.slice(first), ...this.#slots.slice(0, end - length)] as T[];
  }

  push(entry: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#length) & (this.#slots.length - 1)] = entry;
    this.#length += 1;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const entry = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#length -= 1;
    return entry;
  }

  #grow(): void {
    // Filled, since an array with holes is slower.
    const slots = new Array<T | undefined>(2 * this.#length).fill(undefined);
    for (let index = 0; index < this.#length; index += 1) slots[index] = this.at(index);
    this.#slots = slots;
    this.#first = 0;
  }
}
