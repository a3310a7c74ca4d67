import type { BusEvent } from "./event.js";
import { Ring } from "./ring.js";

/** The newest events of one run, kept for replay. */
export class History {
  readonly #kept = new Ring<BusEvent>();
  /** The size and the seq of each, one behind the other: an object for all three would take more room. */
  readonly #facts = new Ring<number>();
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
    this.#kept.push(event);
    this.#facts.push(bytes);
    this.#facts.push(event.seq ?? 0);
    this.bytes += bytes;
    this.#snapshot = undefined;
  }

  /** Bytes that became free. The event is not looked at: it has long left the caches of the processor. */
  dropOldest(): number {
    this.#kept.shift();
    const bytes = this.#facts.shift();
    const seq = this.#facts.shift();
    if (bytes === undefined || seq === undefined) return 0;
    this.lostSeq = seq;
    this.bytes -= bytes;
    this.#snapshot = undefined;
    return bytes;
  }

  /** Everything kept, oldest first. Readers that attach between two events share one array. */
  all(): readonly BusEvent[] {
    if (!this.#snapshot) {
      const events: BusEvent[] = [];
      for (let index = 0; index < this.#kept.length; index += 1) {
        const event = this.#kept.at(index);
        if (event) events.push(event);
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
    return this.#kept.at(this.#kept.length - 1)?.seq ?? this.lostSeq;
  }
}
