import type { BusEvent, EndReason, Outcome } from "./event.js";
import { Ring } from "./ring.js";

/** How a stream ended, for its readers. */
export interface End {
  readonly reason: EndReason;
  readonly outcome?: Outcome;
}

/** What a log wakes. */
export interface LogReader {
  wake(): void;
}

const resolved = Promise.resolve();

/**
 * The newest `capacity` live events of a stream, shared by all readers that ask for the same. A reader is a position in
 * it: publishing costs the same for one reader as for ten thousand, and who falls behind the oldest entry has lost what
 * is in between.
 */
export class EventLog {
  /** Position of the next event; position of the oldest event kept. */
  head = 0;
  tail = 0;
  /** The newest event that fell out: what a lagging reader missed last. */
  lastLost: BusEvent | undefined;
  end: End | undefined;
  readonly readers = new Set<LogReader>();
  readonly #capacity: number;
  readonly #events = new Ring<BusEvent>();
  readonly #times = new Ring<number>();
  #waiting: LogReader[] = [];
  #scheduled = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  append(event: BusEvent, now: number): void {
    this.#events.push(event);
    this.#times.push(now);
    this.head += 1;
    if (this.head - this.tail > this.#capacity) {
      this.lastLost = this.#events.shift();
      this.#times.shift();
      this.tail += 1;
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  at(position: number): BusEvent | undefined {
    return this.#events.at(position - this.tail);
  }

  /** When the event at this position was published. */
  publishedAt(position: number): number | undefined {
    return this.#times.at(Math.max(position, this.tail) - this.tail);
  }

  /** Nothing comes behind the events that are there. */
  finish(end: End): void {
    if (this.end) return;
    this.end = end;
    this.#schedule();
  }

  /** Wakes the reader once, when there is something to read or the stream ends. */
  wait(reader: LogReader): void {
    this.#waiting.push(reader);
  }

  /** One wake-up for all, in a microtask: the publisher does not pay for its readers. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    resolved.then(() => {
      this.#scheduled = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      // At the end also those that sleep: who has nothing left to read is told at once.
      for (const reader of this.end ? [...this.readers] : waiting) reader.wake();
    });
  }
}
