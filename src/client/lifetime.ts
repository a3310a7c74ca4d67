/** What a client has begun and its signal ends. However much that is, the signal has one listener, and none when all is over. */
export class Lifetime {
  readonly #signal: AbortSignal | undefined;
  readonly #ends = new Set<() => void>();
  readonly #over = (): void => {
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  get isOver(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** What the signal was aborted with. */
  get reason(): unknown {
    return this.#signal?.reason;
  }

  /** Ends this with the signal, unless it is removed before. */
  add(end: () => void): void {
    if (this.#ends.size === 0) this.#signal?.addEventListener("abort", this.#over, { once: true });
    this.#ends.add(end);
  }

  remove(end: () => void): void {
    this.#ends.delete(end);
    if (this.#ends.size === 0) this.#signal?.removeEventListener("abort", this.#over);
  }
}
