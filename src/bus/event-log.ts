import type { BusEvent, SubscriptionEnd } from "./event.js";
import { RecencyList, type RecencyNode } from "./recency-list.js";
import { Ring } from "./ring.js";

/** What a log wakes. */
export interface LogReader {
  /** Its place among those that wait. */
  readonly place: RecencyNode<LogReader>;
  wake(): void;
}

/** Says when something came behind the place at which a reader had read everything. */
export interface HeadMoment {
  passedAt: number | undefined;
}

/** What gaps in a log tell, all together. */
export interface GapSum {
  readonly gaps: number;
  readonly missed: number;
  /** How many of them tell of another generation. */
  readonly generations: number;
}

const NO_GAPS: GapSum = Object.freeze({ gaps: 0, missed: 0, generations: 0 });

/** With one that came behind them. An event that is no gap changes nothing. */
export function withGap(sum: GapSum, event: BusEvent): GapSum {
  if (event.type !== "bus.gap") return sum;
  const { missed, reason } = event.data;
  const isAnew = reason === "generation" ? 1 : 0;
  return { gaps: sum.gaps + 1, missed: sum.missed + missed, generations: sum.generations + isAnew };
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
  /** The gaps that came, and those of them that fell out. */
  gaps = NO_GAPS;
  lostGaps = NO_GAPS;
  end: SubscriptionEnd | undefined;
  /** Id of the last event, where the end is that of a run. */
  endId: string | undefined;
  readonly readers = new Set<LogReader>();
  readonly #capacity: number;
  readonly #events = new Ring<BusEvent>();
  #atHead: HeadMoment | undefined;
  readonly #waiting = new RecencyList<LogReader>();
  #scheduled = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  append(event: BusEvent, now: number): void {
    this.#events.push(event);
    this.gaps = withGap(this.gaps, event);
    if (this.#atHead) {
      this.#atHead.passedAt = now;
      this.#atHead = undefined;
    }
    this.head += 1;
    if (this.head - this.tail > this.#capacity) {
      this.lastLost = this.#events.shift();
      if (this.lastLost) this.lostGaps = withGap(this.lostGaps, this.lastLost);
      this.tail += 1;
    }
    if (this.#waiting.size > 0) this.#schedule();
  }

  /** The newest event. */
  get last(): BusEvent | undefined {
    return this.at(this.head - 1);
  }

  at(position: number): BusEvent | undefined {
    return this.#events.at(position - this.tail);
  }

  /** Everything from the position on. */
  since(position: number): BusEvent[] {
    return this.#events.slice(position - this.tail);
  }

  /** The moment until the next event, shared by all readers that have read everything. */
  get headMoment(): HeadMoment {
    this.#atHead ??= { passedAt: undefined };
    return this.#atHead;
  }

  /** Nothing comes behind the events that are there. */
  finish(end: SubscriptionEnd, endId?: string): void {
    if (this.end) return;
    this.end = end;
    this.endId = endId;
    this.#schedule();
  }

  /** Wakes the reader once, when there is something to read or the stream ends. */
  wait(reader: LogReader): void {
    this.#waiting.touch(reader.place);
  }

  /** The reader left. */
  remove(reader: LogReader): void {
    this.readers.delete(reader);
    this.#waiting.remove(reader.place);
  }

  /** One wake-up for all, in a microtask: the publisher does not pay for its readers. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    resolved.then(() => {
      this.#scheduled = false;
      // At the end also those that sleep: who has nothing left to read is told at once.
      if (this.end) for (const reader of [...this.readers]) reader.wake();
      else this.#wake();
    });
  }

  /** Who has nothing to read waits again, behind all that wait now. */
  #wake(): void {
    for (let count = this.#waiting.size; count > 0; count -= 1) {
      const reader = this.#waiting.oldest;
      if (!reader) return;
      this.#waiting.remove(reader.place);
      reader.wake();
    }
  }
}
