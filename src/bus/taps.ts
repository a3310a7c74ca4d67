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

export type Tap = TapHandle & DisposableLike;

type Notice = (listener: TapListener) => void;

/** A tap that publishes, even to itself without end, is told of this many events more, then of none until it returned. */
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

  /** The notices of one event. */
  tell(...notices: readonly Notice[]): void {
    if (this.none) return;
    if (this.#telling) {
      this.#nested += 1;
      if (this.#nested <= MAX_NESTED) this.#pending.push(...notices);
      else if (this.#nested === MAX_NESTED + 1)
        this.#report("tap", new Error(`a tap published more than ${MAX_NESTED} events in a row`));
      return;
    }
    this.#telling = true;
    try {
      this.#pending.push(...notices);
      // Told in a loop, not on the stack: order is kept and no stack overflows.
      for (let next = this.#pending.shift(); next; next = this.#pending.shift()) this.#tellAll(next);
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
        notice(listener);
      } catch (error) {
        this.#report("tap", error);
      }
    }
  }
}
