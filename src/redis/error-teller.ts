const BURST_MILLIS = 60_000;
const MAX_KINDS = 100;

/** Tells errors to a listener: each kind once a minute, whatever its key is, and never throws. */
export class ErrorTeller {
  count = 0;
  readonly #listener: ((error: Error) => void) | undefined;
  readonly #told = new Map<string, number>();

  constructor(listener: ((error: Error) => void) | undefined) {
    this.#listener = listener;
  }

  tell(error: unknown): void {
    this.count += 1;
    const known = error instanceof Error ? error : new Error(String(error));
    const now = performance.now();
    const kind = known.message.replace(/\S*\{.*\}\S*/, "");
    const last = this.#told.get(kind);
    if (last !== undefined && now - last < BURST_MILLIS) return;
    if (this.#told.size >= MAX_KINDS) this.#told.clear();
    this.#told.set(kind, now);
    // A listener that fails, now or later, has nobody to be told to.
    (async () => this.#listener?.(known))().catch(() => undefined);
  }
}
