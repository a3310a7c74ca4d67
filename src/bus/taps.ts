import type { BusEvent } from "./event.js";
import type { RunInfo } from "./run.js";

/** Callbacks that run inside the publisher's call. */
export interface TapListener {
  event?(event: BusEvent): void;
  /** A run began: its first event follows. */
  opened?(run: RunInfo): void;
  closed?(run: RunInfo): void;
}

type DisposeKey = typeof Symbol extends { readonly dispose: infer Key extends symbol } ? Key : never;
/** `Disposable`, written so that a consumer needs no `esnext` library. */
export type DisposableLike = { [Key in DisposeKey]: () => void };

export interface TapHandle {
  /** Takes the tap off. */
  close(): void;
}

/** What `tap` returns; `using` takes the tap off at the end of the block. */
export type Tap = TapHandle & DisposableLike;

type Notice = (listener: TapListener) => unknown;

/**
 * A tap that publishes, even to itself without end, is told of this many events more, then of none until it returned. The
 * begin and the end of runs are always told.
 */
const MAX_NESTED = 1024;

/** Tells every tap everything, in order, also what taps publish themselves. */
export class Taps {
  readonly #listeners = new Set<TapListener>();
  readonly #report: (what: string, error: unknown) => void;
  #pending: Notice[] = [];
  #telling = false;
  #nested = 0;

  constructor(report: (what: string, error: unknown) => void) {
    this.#report = report;
  }

  add(listener: TapListener): Tap {
    // A copy, so that a listener given twice is called twice and taken off once.
    const own: TapListener = {
      event: (event) => listener.event?.(event),
      opened: (run) => listener.opened?.(run),
      closed: (run) => listener.closed?.(run),
    };
    this.#listeners.add(own);
    const close = (): void => void this.#listeners.delete(own);
    return { close, [Symbol.dispose]: close };
  }

  get none(): boolean {
    return this.#listeners.size === 0;
  }

  closed(run: RunInfo): void {
    this.#tell((listener) => listener.closed?.(run));
  }

  /** An event was published; `opened` if it is the first of its run. */
  published(event: BusEvent, opened: RunInfo | undefined): void {
    const notices: Notice[] = opened ? [(listener) => listener.opened?.(opened)] : [];
    if (this.#telling) this.#nested += 1;
    if (this.#nested <= MAX_NESTED) notices.push((listener) => listener.event?.(event));
    else if (this.#nested === MAX_NESTED + 1)
      this.#report("tap", new Error(`taps published ${MAX_NESTED} events in a row`));
    this.#tell(...notices);
  }

  #tell(...notices: readonly Notice[]): void {
    if (this.none) return;
    this.#pending.push(...notices);
    if (this.#telling) return;
    this.#telling = true;
    try {
      // Told in a loop, not on the stack: order is kept and no stack overflows.
      for (let index = 0; index < this.#pending.length; index += 1) {
        const next = this.#pending[index];
        if (next) this.#tellAll(next);
      }
    } finally {
      this.#telling = false;
      this.#nested = 0;
      this.#pending = [];
    }
  }

  #tellAll(notice: Notice): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        const returned = notice(listener);
        // An async listener is not waited for, but its failure is told like any other.
        if (returned instanceof Promise) returned.catch((error: unknown) => this.#report("tap", error));
      } catch (error) {
        this.#report("tap", error);
      }
    }
  }
}
