import type { AbortSignalLike } from "./hub-options.js";

/** Many readers on one signal, behind one listener: Node warns of more than ten. */
export class AbortWatch {
  readonly #watched = new WeakMap<
    AbortSignalLike,
    { readonly leave: Set<() => void>; readonly listener: () => void }
  >();

  /** Calls `leave` when the signal aborts, unless what it returns was called before. */
  watch(signal: AbortSignalLike, leave: () => void): () => void {
    let watched = this.#watched.get(signal);
    if (!watched) {
      const all = new Set<() => void>();
      const listener = (): void => {
        this.#watched.delete(signal);
        for (const each of [...all]) each();
      };
      signal.addEventListener("abort", listener, { once: true });
      watched = { leave: all, listener };
      this.#watched.set(signal, watched);
    }
    const { leave: all, listener } = watched;
    all.add(leave);
    return () => {
      if (!all.delete(leave) || all.size > 0) return;
      signal.removeEventListener("abort", listener);
      this.#watched.delete(signal);
    };
  }
}
