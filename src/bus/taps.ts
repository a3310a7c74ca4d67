import type { BusEvent } from "./event.js";
import { isPromise } from "./promises.js";
import type { RunInfo } from "./run.js";

/** Callbacks that run inside the publisher's call. */
export interface TapListener {
  readonly event?: ((event: BusEvent) => void) | undefined;
  /** A run began: its first event follows. */
  readonly opened?: ((run: RunInfo) => void) | undefined;
  readonly closed?: ((run: RunInfo) => void) | undefined;
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

interface Pending {
  readonly notice: Notice;
  /** So many notices came of each other before this. */
  readonly answers: number;
}

/**
 * A tap that publishes, even to itself without end, is told of this many events more, then of none until it returned. The
 * begin and the end of runs are always told.
 */
const MAX_NESTED = 1024;
/** By then no run begins any more in answer to an answer to an answer, so many times. */
const MAX_ANSWERS = 64;

/** Tells every tap everything, in order, also what taps publish themselves. */
export class Taps {
  readonly #listeners = new Set<TapListener>();
  readonly #report: (what: string, error: unknown) => void;
  #pending: Pending[] = [];
  #telling = false;
  #nested = 0;
  #answers = 0;

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

  /** Taps answer each other, or themselves, without end. */
  get isFlooded(): boolean {
    return this.#nested > MAX_NESTED && this.#answers > MAX_ANSWERS;
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
    const answers = this.#answers + 1;
    for (const notice of notices) this.#pending.push({ notice, answers });
    if (this.#telling) return;
    this.#telling = true;
    try {
      // Told in a loop that goes on to what is pushed meanwhile, not on the stack: order is kept and no stack overflows.
      for (const next of this.#pending) {
        this.#answers = next.answers;
        this.#tellAll(next.notice);
      }
    } finally {
      this.#telling = false;
      this.#nested = 0;
      this.#answers = 0;
      this.#pending = [];
    }
  }

  #tellAll(notice: Notice): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        const returned = notice(listener);
        // An async listener is not waited for, but its failure is told like any other.
        if (isPromise(returned)) returned.catch((error: unknown) => this.#report("tap", error));
      } catch (error) {
        this.#report("tap", error);
      }
    }
  }
}
