import type { BusEvent } from "../../bus/event.js";
import { RecencyList, RecencyNode } from "../../bus/recency-list.js";
import type { RunInfo } from "../../bus/run.js";
import { eventLine } from "../batch.js";

type Content =
  | {
      readonly kind: "event";
      readonly event: BusEvent;
      readonly line: string;
      readonly bytes: number;
      readonly isTransient: boolean;
    }
  | { readonly kind: "end"; readonly run: RunInfo }
  /** Events that were given up, where they stood. */
  | { readonly kind: "loss"; readonly count: number };

/** Something of a run that waits to be sent. */
export class Outgoing {
  readonly queue: OutgoingQueue;
  /** That of the local bus. */
  readonly generation: string;
  /** When it came here, in milliseconds of a clock that only goes forward. */
  readonly at = performance.now();
  content: Content;
  previous: Outgoing | undefined;
  next: Outgoing | undefined;
  /** Its place among all that may be given up. */
  readonly age = new RecencyNode<Outgoing>(this);

  constructor(queue: OutgoingQueue, generation: string, content: Content) {
    this.queue = queue;
    this.generation = generation;
    this.content = content;
  }
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
  readonly #transient = new RecencyList<Outgoing>();
  readonly #lasting = new RecencyList<Outgoing>();
  readonly #ends = new RecencyList<Outgoing>();
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
    const lists = [this.#transient, this.#lasting, this.#ends];
    return Math.min(...lists.map(({ oldest }) => oldest?.at ?? Number.POSITIVE_INFINITY));
  }

  event(queue: OutgoingQueue, generation: string, event: BusEvent, isTransient: boolean): void {
    const line = eventLine(event, !isTransient);
    const bytes = Buffer.byteLength(line);
    this.#append(new Outgoing(queue, generation, { kind: "event", event, line, bytes, isTransient }));
    this.bytes += bytes;
    this.#bound();
  }

  end(queue: OutgoingQueue, run: RunInfo): void {
    this.#append(new Outgoing(queue, run.generation, { kind: "end", run }));
    const { oldest } = this.#ends;
    if (oldest && this.#ends.size > this.#limits.maxEvents) this.#giveUp(oldest);
  }

  /** Events that were taken out and could not be sent: told before what waits. */
  loss(queue: OutgoingQueue, generation: string, count: number): void {
    const { first } = queue;
    const entry = new Outgoing(queue, generation, { kind: "loss", count });
    entry.next = first;
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
      const { oldest } = this.#transient.size > 0 ? this.#transient : this.#lasting;
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

  #append(entry: Outgoing): void {
    const { queue } = entry;
    entry.previous = queue.last;
    if (queue.last) queue.last.next = entry;
    else queue.first = entry;
    queue.last = entry;
    this.#listOf(entry)?.touch(entry.age);
  }

  #forget(entry: Outgoing): void {
    this.#listOf(entry)?.remove(entry.age);
    if (entry.content.kind === "event") this.bytes -= entry.content.bytes;
  }

  /** What it is given up with, oldest first. A loss takes too little room. */
  #listOf({ content }: Outgoing): RecencyList<Outgoing> | undefined {
    if (content.kind === "event") return content.isTransient ? this.#transient : this.#lasting;
    return content.kind === "end" ? this.#ends : undefined;
  }
}

/** Two losses in a row are one: what was given up takes no more room than what waits. */
function merge(entry: Outgoing | undefined, next: Outgoing | undefined): void {
  if (entry?.content.kind !== "loss" || next?.content.kind !== "loss" || entry.generation !== next.generation) return;
  entry.content = { kind: "loss", count: entry.content.count + next.content.count };
  detach(next);
}

/** What is gone points to nothing: the collector would take all that came behind it for as old as it is. */
function detach(entry: Outgoing): void {
  const { queue, previous, next } = entry;
  if (previous) previous.next = next;
  else queue.first = next;
  if (next) next.previous = previous;
  else queue.last = previous;
  entry.previous = undefined;
  entry.next = undefined;
}
