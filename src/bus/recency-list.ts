/** Its holder's place in one `RecencyList`. */
export class RecencyNode<T> {
  readonly value: T;
  newer: RecencyNode<T> | undefined;
  older: RecencyNode<T> | undefined;
  listed = false;
  /** When it was last used, counted in uses of its list. */
  used = 0;

  constructor(value: T) {
    this.value = value;
  }
}

/** Values in order of last use. Moving to the front is constant and allocates nothing, which a `Map` does not offer. */
export class RecencyList<T> {
  #newest: RecencyNode<T> | undefined;
  #oldest: RecencyNode<T> | undefined;
  #size = 0;
  #uses = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): T | undefined {
    return this.#oldest?.value;
  }

  /** Adds the node, or moves it, to the newest end. */
  touch(node: RecencyNode<T>): void {
    this.#uses += 1;
    node.used = this.#uses;
    if (this.#newest !== node) this.#insert(node, undefined);
  }

  /** Adds the node behind all those that `isNewer` says. */
  place(node: RecencyNode<T>, isNewer: (value: T) => boolean): void {
    let newer: RecencyNode<T> | undefined;
    for (let each = this.#newest; each && isNewer(each.value); each = each.older) newer = each;
    this.#insert(node, newer);
  }

  #insert(node: RecencyNode<T>, newer: RecencyNode<T> | undefined): void {
    this.remove(node);
    node.newer = newer;
    node.older = newer ? newer.older : this.#newest;
    if (newer) newer.older = node;
    else this.#newest = node;
    if (node.older) node.older.newer = node;
    else this.#oldest = node;
    node.listed = true;
    this.#size += 1;
  }

  remove(node: RecencyNode<T>): void {
    if (!node.listed) return;
    if (node.newer) node.newer.older = node.older;
    else this.#newest = node.older;
    if (node.older) node.older.newer = node.newer;
    else this.#oldest = node.newer;
    // Cleared, since a removed node in old space would keep all its successors alive.
    node.newer = undefined;
    node.older = undefined;
    node.listed = false;
    this.#size -= 1;
  }

  *newestFirst(): Generator<T> {
    for (let node = this.#newest; node; node = node.older) yield node.value;
  }

  *oldestFirst(): Generator<T> {
    for (let node = this.#oldest; node; node = node.newer) yield node.value;
  }
}
