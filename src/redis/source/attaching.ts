import type { BusEvent } from "../../bus/event.js";

/** Events that may come while a reader waits for its replay; beyond that its replay is asked for anew. */
const MAX_RECENT = 5000;

/** What came of a run since readers asked for their replay: the answer of Redis does not hold it. */
export class Attaching {
  #readers = 0;
  #recent: { readonly seq: number; readonly event: BusEvent }[] = [];
  /** Seq up to which it is no longer held. */
  from = 0;

  begin(): void {
    this.#readers += 1;
  }

  end(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.forget(0);
  }

  came(seq: number, event: BusEvent): void {
    if (this.#recent.length >= MAX_RECENT) this.forget(this.#recent.at(-1)?.seq ?? 0);
    if (this.#readers > 0) this.#recent.push({ seq, event });
  }

  behind(seq: number): readonly BusEvent[] {
    return this.#recent.filter((each) => each.seq > seq).map(({ event }) => event);
  }

  forget(upTo: number): void {
    this.#recent = [];
    this.from = upTo;
  }
}
