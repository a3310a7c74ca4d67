import type { BusEvent } from "../../bus/event.js";
import type { RunInfo } from "../../bus/run.js";
import { eventLine } from "../batch.js";

type Content =
  | { readonly kind: "event"; readonly event: BusEvent; readonly line: string; readonly bytes: number }
  | { readonly kind: "end"; readonly run: RunInfo }
  /** Events that were given up, where they stood. */
  | { readonly kind: "loss"; readonly count: number };

/** Something of a run that waits to be sent. */
export interface Outgoing {
  readonly queue: OutgoingQueue;
  /** That of the local bus. */
  readonly generation: string;
  /** When it came here, in milliseconds of a clock that only goes forward. */
  readonly at: number;
  content: Content;
  previous: Outgoing | undefined;
  next: Outgoing | undefined;
}

/** What waits of one run, in order. */
export interface OutgoingQueue {
  first: Outgoing | undefined;
  last: Outgoing | undefined;
}

export interface OutboxLimits {
  /** Events that wait, of all runs. Default 10 000. */
  readonly maxEvents: number;
  /** Bytes of JSON that wait, of all runs. Default 16 777 216 (16 MiB). */
  readonly maxBytes: number;
}

/**
 * What waits to be sent, of all runs. Over its limits it gives up the oldest of the events that are not kept, then the oldest
 * of all. What it gives up leaves its number behind, so that readers are told. Of runs that are over, at most `maxEvents` wait
 * for their end to be told; then the one that was over first is given up whole.
 */
export class Outbox {
  bytes = 0;
  /** Events given up. */
  lost = 0;
  readonly #limits: OutboxLimits;
  /** Oldest first. */
  readonly #transient = new Set<Outgoing>();
  readonly #lasting = new Set<Outgoing>();
  readonly #ends = new Set<Outgoing>();
  readonly #givenUp: (queue: OutgoingQueue) => void;

  /** `givenUp` is told of a run of which nothing waits any more, since all of it was given up. */
  constructor(limits: OutboxLimits, givenUp: (queue: OutgoingQueue) => void) {
    this.#limits = limits;
    this.#givenUp = givenUp;
  }

  /** Events that wait. */
  get size(): number {
    return this.#transient.size + this.#lasting.size;
  }

  get isEmpty(): boolean {
    return this.size + this.#ends.size === 0;
  }

  /** When the oldest of what waits came here; infinite when nothing waits. */
  get oldestAt(): number {
    const [transient] = this.#transient;
    const [lasting] = this.#lasting;
    const [end] = this.#ends;
    return Math.min(...[transient, lasting, end].map((oldest) => oldest?.at ?? Number.POSITIVE_INFINITY));
  }

  event(queue: OutgoingQueue, generation: string, event: BusEvent, isTransient: boolean): void {
    const line = eventLine(event, !isTransient);
    const bytes = Buffer.byteLength(line);
    const entry = append(queue, generation, { kind: "event", event, line, bytes });
    (isTransient ? this.#transient : this.#lasting).add(entry);
    this.bytes += bytes;
    this.#bound();
  }

  end(queue: OutgoingQueue, run: RunInfo): void {
    this.#ends.add(append(queue, run.generation, { kind: "end", run }));
    const [oldest] = this.#ends;
    if (oldest && this.#ends.size > this.#limits.maxEvents) this.#giveUp(oldest);
  }

  /** Events that were taken out and could not be sent: told before what waits. */
  loss(queue: OutgoingQueue, generation: string, count: number): void {
    const { first } = queue;
    const content: Content = { kind: "loss", count };
    const entry: Outgoing = { queue, generation, at: performance.now(), content, previous: undefined, next: first };
    if (first) first.previous = entry;
    else queue.last = entry;
    queue.first = entry;
    merge(entry, first);
  }

  /** Takes the first of a queue out. */
  take(entry: Outgoing): void {
    this.#forget(entry);
    detach(entry);
  }

  #bound(): void {
    const { maxEvents, maxBytes } = this.#limits;
    while (this.size > maxEvents || this.bytes > maxBytes) {
      const [oldest] = this.#transient.size > 0 ? this.#transient : this.#lasting;
      if (!oldest) return;
      const { previous, next } = oldest;
      this.#forget(oldest);
      this.lost += 1;
      oldest.content = { kind: "loss", count: 1 };
      merge(oldest, next);
      merge(previous, oldest);
    }
  }

  /** An end, and what is before it. A producer that does not say its end is found to be lost by its lease. */
  #giveUp(end: Outgoing): void {
    const { queue } = end;
    for (let entry = queue.first; entry; entry = queue.first) {
      if (entry.content.kind === "event") this.lost += 1;
      this.take(entry);
      if (entry === end) break;
    }
    if (!queue.first) this.#givenUp(queue);
  }

  #forget(entry: Outgoing): void {
    this.#transient.delete(entry);
    this.#lasting.delete(entry);
    this.#ends.delete(entry);
    if (entry.content.kind === "event") this.bytes -= entry.content.bytes;
  }
}

function append(queue: OutgoingQueue, generation: string, content: Content): Outgoing {
  const entry: Outgoing = { queue, generation, at: performance.now(), content, previous: queue.last, next: undefined };
  if (queue.last) queue.last.next = entry;
  else queue.first = entry;
  queue.last = entry;
  return entry;
}

/** Two losses in a row are one: what was given up takes no more room than what waits. */
function merge(entry: Outgoing | undefined, next: Outgoing | undefined): void {
  if (entry?.content.kind !== "loss" || next?.content.kind !== "loss" || entry.generation !== next.generation) return;
  entry.content = { kind: "loss", count: entry.content.count + next.content.count };
  detach(next);
}

function detach({ queue, previous, next }: Outgoing): void {
  if (previous) previous.next = next;
  else queue.first = next;
  if (next) next.previous = previous;
  else queue.last = previous;
}
