import type { BusEvent } from "./event.js";
import { Ring } from "./ring.js";

interface Kept {
  readonly event: BusEvent;
  readonly bytes: number;
}

/** The newest events of one run, kept for replay. */
export class History {
  readonly #kept = new Ring<Kept>();
  #snapshot: readonly BusEvent[] | undefined;
  /** Size of everything kept, in bytes of JSON. */
  bytes = 0;
  /** Seq of the newest event that was kept once and is no more; 0 if there is none. */
  lostSeq: number;

  constructor(lostSeq = 0) {
    this.lostSeq = lostSeq;
  }

  get length(): number {
    return this.#kept.length;
  }

  push(event: BusEvent, bytes: number): void {
    this.#kept.push({ event, bytes });
    this.bytes += bytes;
    this.#snapshot = undefined;
  }

  /** Bytes that became free. */
  dropOldest(): number {
    const oldest = this.#kept.shift();
    if (!oldest) return 0;
    this.lostSeq = oldest.event.seq ?? 0;
    this.bytes -= oldest.bytes;
    this.#snapshot = undefined;
    return oldest.bytes;
  }

  /** Everything kept, oldest first. Readers that attach between two events share one array. */
  all(): readonly BusEvent[] {
    if (!this.#snapshot) {
      const events: BusEvent[] = [];
      for (let index = 0; index < this.#kept.length; index += 1) {
        const kept = this.#kept.at(index);
        if (kept) events.push(kept.event);
      }
      this.#snapshot = events;
    }
    return this.#snapshot;
  }

  /** What is kept behind `seq`. */
  after(seq: number): readonly BusEvent[] {
    const events = this.all();
    let from = events.length;
    while (from > 0 && (events[from - 1]?.seq ?? 0) > seq) from -= 1;
    return from === 0 ? events : events.slice(from);
  }

  /** Seq of the newest event that was ever kept. */
  get lastSeq(): number {
    return this.#kept.at(this.#kept.length - 1)?.event.seq ?? this.lostSeq;
  }
}
