import type { Operation } from "../bus/event.js";
import { outwards, type Work } from "./work.js";

/** More than this at once, and the oldest are closed: their ends were lost. */
const MAX_OPEN = 10_000;
/** A span may start after the one around it ended. */
const MAX_OVER = 1000;

/** Which of several works of one span is meant. */
export interface Wanted {
  readonly operation: Operation;
  readonly spanId: string | undefined;
  readonly toolCallId: string | undefined;
  readonly name: string | undefined;
}

/** The works of a run: those that are open, in the order of their starts, and the newest of those that are over. */
export class Works {
  readonly #open = new Set<Work>();
  readonly #bySpan = new Map<string | undefined, Work[]>();
  readonly #over = new Map<string, Work>();

  /** Adds a work. Gives the one that has to be closed for it. */
  add(work: Work): Work | undefined {
    this.#open.add(work);
    this.#bySpan.set(work.spanId, [...(this.#bySpan.get(work.spanId) ?? []), work]);
    if (this.#open.size <= MAX_OPEN) return undefined;
    const [oldest] = this.#open;
    return oldest;
  }

  /** The open work that an event tells of. Spans written by hand may share an id: then the name of the tool decides. */
  find({ operation, spanId, toolCallId, name }: Wanted): Work | undefined {
    const works = (this.#bySpan.get(spanId) ?? []).filter((each) => each.operation === operation);
    return (
      works.find((each) => toolCallId !== undefined && each.toolCallId === toolCallId) ??
      works.find((each) => name !== undefined && each.name === name) ??
      works[0] ??
      this.#closedEarly(operation, spanId)
    );
  }

  /** The work around an event: its own span where that does something else, else the span around it. */
  around(spanId: string | undefined, parentSpanId: string | undefined, operation?: Operation): Work | undefined {
    const own = spanId === undefined ? undefined : this.#bySpan.get(spanId);
    const around = own?.findLast((each) => each.operation !== operation) ?? this.#at(parentSpanId);
    return [...outwards(around)].find((each) => this.isOpen(each));
  }

  /** Takes an open work out; false if it was not open. */
  remove(work: Work): boolean {
    if (!this.#open.delete(work)) return false;
    const left = (this.#bySpan.get(work.spanId) ?? []).filter((each) => each !== work);
    if (left.length > 0) this.#bySpan.set(work.spanId, left);
    else this.#bySpan.delete(work.spanId);
    if (work.spanId === undefined) return true;
    this.#over.delete(work.spanId);
    this.#over.set(work.spanId, work);
    const [oldest] = this.#over.keys();
    if (this.#over.size > MAX_OVER && oldest !== undefined) this.#over.delete(oldest);
    return true;
  }

  isOpen(work: Work): boolean {
    return this.#open.has(work);
  }

  /** What is open, newest first. */
  open(): Work[] {
    return [...this.#open].reverse();
  }

  /** A work that was closed with what stood around it, before its own end came. */
  #closedEarly(operation: Operation, spanId: string | undefined): Work | undefined {
    const over = spanId === undefined ? undefined : this.#over.get(spanId);
    return over?.operation === operation && !over.hasEnded ? over : undefined;
  }

  #at(spanId: string | undefined): Work | undefined {
    if (spanId === undefined) return undefined;
    return this.#bySpan.get(spanId)?.at(-1) ?? this.#over.get(spanId);
  }
}
