import type { AbortWatch } from "./abort-watch.js";
import { batchesOf } from "./batches.js";
import { parseCursor } from "./cursor.js";
import type { Deadlines } from "./deadlines.js";
import { Deadline } from "./deadlines.js";
import type { BusEvent, GapData, SubscriptionEnd } from "./event.js";
import { EventLog, type GapSum, type HeadMoment, type LogReader, withGap } from "./event-log.js";
import type { AbortSignalLike } from "./hub-options.js";
import { RecencyNode } from "./recency-list.js";
import type { Subscription, SubscriptionMembers } from "./subscription.js";

/** What a reader needs of the hub. */
export interface ReaderHost {
  readonly deadlines: Deadlines;
  /** Milliseconds after which a reader that leaves its events unread is released. */
  readonly unreadTimeoutMillis: number;
  gap(last: BusEvent, data: GapData): BusEvent;
  delivered(events: number): void;
  /** Asks a callback of the reader; a throw is reported and gives `otherwise`. */
  decide<T>(what: string, callback: () => T, otherwise: T): T;
  readonly aborts: AbortWatch;
}

export interface ReaderStart {
  readonly log: EventLog;
  /** Where in the log it begins. */
  readonly position: number;
  /** Events to read before the log's. */
  readonly replay: readonly BusEvent[];
  /** A gap to tell before anything else. */
  readonly gap?: BusEvent | undefined;
  readonly after?: string | undefined;
  readonly signal?: AbortSignalLike | undefined;
  readonly idleTimeoutMillis?: number | undefined;
  /** Called once, when the reader is over; `dropped` is what it lost. */
  left(dropped: number): void;
}

/** A `next()` that waits. */
class Waiting<T> {
  /** The one that was called after it. */
  behind: Waiting<unknown> | undefined = undefined;
  readonly #reader: Reader;
  readonly #take: Take<T>;
  #resolve: ((result: IteratorResult<T, undefined>) => void) | undefined = undefined;

  constructor(reader: Reader, take: Take<T>) {
    this.#reader = reader;
    this.#take = take;
  }

  /** What it is told by. */
  promised(resolve: (result: IteratorResult<T, undefined>) => void): void {
    this.#resolve = resolve;
  }

  /** Gives it what is there; false if there is nothing. */
  serve(): boolean {
    const value = this.#take(this.#reader);
    if (value === undefined) return false;
    this.#resolve?.({ done: false, value });
    return true;
  }

  end(): void {
    this.#resolve?.(DONE);
  }
}

/** What a call takes from its reader, undefined when there is nothing. */
type Take<T> = (reader: Reader) => T | undefined;

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
const NOTHING: readonly BusEvent[] = Object.freeze([]);

/** A position in the replay, then in the log. */
export class Reader implements SubscriptionMembers, LogReader {
  static readonly #one: Take<BusEvent> = (reader) => reader.#takeOne();
  static readonly #all: Take<readonly BusEvent[]> = (reader) => reader.#takeAll();

  readonly place: RecencyNode<LogReader> = new RecencyNode(this);
  readonly #host: ReaderHost;
  #log: EventLog;
  readonly #signal: AbortSignalLike | undefined;
  readonly #idleTimeoutMillis: number | undefined;
  readonly #left: ReaderStart["left"];
  #gap: BusEvent | undefined;
  #replay: readonly BusEvent[];
  #replayed = 0;
  #position: number;
  /** Tells since when something waits, where nothing did when that was last looked at. */
  #moment: HeadMoment;
  /** The gaps of the log that came before its place. */
  #gaps: GapSum;
  #dropped = 0;
  #lastId: string | undefined;
  /** The call that waits, and the last of those behind it, if there are any. */
  #waiting: Waiting<unknown> | undefined;
  #lastWaiting: Waiting<unknown> | undefined;
  #end: SubscriptionEnd | undefined;
  #endId: string | undefined;
  #ended: { promise: Promise<SubscriptionEnd>; settle: (end: SubscriptionEnd) => void } | undefined;
  #taken = 0;
  #deliveredAt: number;
  #unwatch: (() => void) | undefined;
  #unread: Deadline | undefined;
  #idle: Deadline | undefined;

  constructor(host: ReaderHost, start: ReaderStart) {
    this.#host = host;
    this.#log = start.log;
    this.#gap = start.gap;
    this.#replay = start.replay;
    this.#lastId = start.after;
    this.#signal = start.signal;
    this.#idleTimeoutMillis = start.idleTimeoutMillis;
    this.#left = start.left;
    this.#position = start.position;
    this.#moment = start.log.headMoment;
    this.#gaps = start.log.gaps;
    this.#deliveredAt = host.deadlines.now();
  }

  /** Attaches to the log, or ends at once when there is nothing to wait for. */
  start(): void {
    this.#log.readers.add(this);
    if (this.#signal?.aborted) {
      this.#leave({ reason: "aborted" });
      return;
    }
    if (this.#signal) {
      this.#unwatch = this.#host.aborts.watch(this.#signal, () => this.#leave({ reason: "aborted" }));
    }
    this.#watchUnread(this.#deliveredAt, this.#taken, this.#replay.length > 0 || this.#gap !== undefined);
    if (this.#idleTimeoutMillis !== undefined) {
      this.#idle = new Deadline((now) => this.#checkIdle(now));
      this.#host.deadlines.set(this.#idle, this.#deliveredAt + this.#idleTimeoutMillis);
    }
    this.#endWhenDrained();
  }

  get dropped(): number {
    return this.#dropped + this.#lost();
  }

  get size(): number {
    return this.#end ? 0 : this.#replay.length - this.#replayed + this.unread;
  }

  /** Events waiting that came after it attached. */
  get unread(): number {
    return this.#end ? 0 : this.#log.head - Math.max(this.#position, this.#log.tail);
  }

  get lastId(): string | undefined {
    return this.#lastId;
  }

  /** Id of the last event of the run when that ended, once the reader has read to there. */
  get endId(): string | undefined {
    return this.#endId;
  }

  get caughtUp(): boolean {
    return this.#gap === undefined && this.#replayed === this.#replay.length;
  }

  get ended(): Promise<SubscriptionEnd> {
    if (!this.#ended) {
      let settle: (end: SubscriptionEnd) => void = () => undefined;
      const promise = new Promise<SubscriptionEnd>((resolve) => {
        settle = resolve;
      });
      this.#ended = { promise, settle };
      if (this.#end) settle(this.#end);
    }
    return this.#ended.promise;
  }

  next(): Promise<IteratorResult<BusEvent, undefined>> {
    return this.#read(Reader.#one);
  }

  batches(): AsyncIterableIterator<readonly BusEvent[], undefined> {
    return batchesOf(() => this.#read(Reader.#all), this);
  }

  close(): void {
    this.#leave({ reason: "returned" });
  }

  async return(): Promise<IteratorResult<BusEvent, undefined>> {
    this.close();
    return DONE;
  }

  [Symbol.asyncIterator](): Subscription {
    return this as Subscription;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Called by the log: there is something to read, or the stream is over. */
  wake(): void {
    while (this.#waiting?.serve()) this.#waiting = this.#waiting.behind;
    this.#endWhenDrained();
    if (this.#waiting) this.#log.wait(this);
    else this.#lastWaiting = undefined;
  }

  /** Ends the reader from the hub's side; what waits is given up. */
  release(end: SubscriptionEnd): void {
    this.#leave(end);
  }

  /** The next event, if there is one. */
  #takeOne(): BusEvent | undefined {
    const event = this.caughtUp ? this.#fromLog() : this.#fromStart();
    if (event) this.#note(event, 1);
    return event;
  }

  /** Everything that is there. */
  #takeAll(): readonly BusEvent[] | undefined {
    if (this.caughtUp && this.#lag() === 0) return this.#takeLive();
    const events: BusEvent[] = [];
    while (!this.caughtUp || this.#lag() > 0) {
      const event = this.#takeOne();
      if (!event) break;
      events.push(event);
    }
    const live = this.#takeLive();
    return live ? events.concat(live) : events;
  }

  /** Everything in the log, of which nothing was lost. */
  #takeLive(): readonly BusEvent[] | undefined {
    if (this.#position === this.#log.head) return undefined;
    const events = this.#log.since(this.#position);
    this.#passed(events.length, this.#log.gaps);
    this.#note(events.at(-1) as BusEvent, events.length);
    return events;
  }

  /** What `take` finds, at once or when there is something; calls are served in their order. */
  #read<T>(take: Take<T>): Promise<IteratorResult<T, undefined>> {
    if (!this.#waiting) {
      const value = take(this);
      this.#endWhenDrained();
      if (value !== undefined) return Promise.resolve({ done: false, value });
    }
    if (this.#end) return Promise.resolve(DONE);
    const waiting = new Waiting<T>(this, take);
    // Short as it is, the function that the promise calls is compiled away.
    const promise = new Promise<IteratorResult<T, undefined>>((resolve) => waiting.promised(resolve));
    this.#wait(waiting as Waiting<unknown>);
    return promise;
  }

  #wait(waiting: Waiting<unknown>): void {
    if (this.#waiting) {
      (this.#lastWaiting ?? this.#waiting).behind = waiting;
      this.#lastWaiting = waiting;
    } else {
      this.#waiting = waiting;
      this.#log.wait(this);
    }
  }

  /** So many were taken, this one last. */
  #note(last: BusEvent, count: number): void {
    this.#lastId = last.id;
    this.#taken += count;
    if (this.#idle) this.#deliveredAt = this.#host.deadlines.now();
  }

  /** The gap before the replay, or the next of the replay. */
  #fromStart(): BusEvent | undefined {
    const event = this.#gap ?? this.#replay[this.#replayed];
    if (this.#gap) {
      this.#gap = undefined;
      return event;
    }
    if (event?.type !== "bus.gap") this.#host.delivered(1);
    this.#replayed += 1;
    if (this.#replayed === this.#replay.length) {
      this.#replay = NOTHING;
      this.#replayed = 0;
    }
    return event;
  }

  /** The next live event, or what was lost before it. */
  #fromLog(): BusEvent | undefined {
    if (this.#lag() > 0) return this.#lagGap();
    const event = this.#log.at(this.#position);
    if (event) this.#passed(1, withGap(this.#gaps, event));
    return event;
  }

  /** It has come so many live events further, and behind these gaps. */
  #passed(events: number, gaps: GapSum): void {
    this.#host.delivered(events - (gaps.gaps - this.#gaps.gaps));
    this.#position += events;
    this.#gaps = gaps;
  }

  /** Goes on behind what was lost. */
  #lagGap(): BusEvent | undefined {
    const { lastLost, lostGaps } = this.#log;
    if (!lastLost) return undefined;
    const lost = this.#lost();
    const told = lostGaps.missed - this.#gaps.missed;
    const isAnew = lostGaps.generations > this.#gaps.generations;
    this.#position = this.#log.tail;
    this.#dropped += lost;
    this.#gaps = lostGaps;
    // On the global stream the event before may be another run's, which `history` of this one cannot place.
    const resumeAfter = this.#lastId !== undefined && isSameRun(this.#lastId, lastLost.id) ? this.#lastId : undefined;
    return this.#host.gap(lastLost, {
      missed: lost + told,
      reason: isAnew ? "generation" : "lagged",
      ...(resumeAfter !== undefined && { resumeAfter }),
    });
  }

  /** Events that fell out of the log before this reader came to them. */
  #lag(): number {
    return this.#end ? 0 : Math.max(0, this.#log.tail - this.#position);
  }

  /** Those of them that are events: a gap that fell out is in the next one. */
  #lost(): number {
    const lag = this.#lag();
    return lag === 0 ? 0 : lag - (this.#log.lostGaps.gaps - this.#gaps.gaps);
  }

  #endWhenDrained(): void {
    if (!this.#end && this.#log.end && this.size === 0 && this.#gap === undefined && this.#lag() === 0) {
      this.#endId = this.#log.endId;
      this.#leave(this.#log.end);
    }
  }

  #leave(end: SubscriptionEnd): void {
    if (this.#end) return;
    this.#dropped += this.#lost();
    this.#end = end;
    this.#gap = undefined;
    this.#replay = NOTHING;
    this.#replayed = 0;
    this.#log.remove(this);
    this.#position = 0;
    // Whoever still holds the reader shall not hold the events.
    this.#log = new EventLog(1);
    this.#unwatch?.();
    if (this.#unread) this.#host.deadlines.clear(this.#unread);
    if (this.#idle) this.#host.deadlines.clear(this.#idle);
    this.#left(this.#dropped);
    const first = this.#waiting;
    this.#waiting = undefined;
    this.#lastWaiting = undefined;
    for (let each = first; each; each = each.behind) each.end();
    this.#ended?.settle(end);
  }

  /**
   * Releases a reader that was forgotten. Reads carry no time stamp, which would cost more than the read: a look that
   * finds events taken since the last one starts the full time again, so it comes up to one period late, never early.
   */
  #watchUnread(since: number, taken: number, waitedSince: boolean): void {
    const timeout = this.#host.unreadTimeoutMillis;
    this.#unread = new Deadline((now) => {
      const waits = this.size > 0 || this.#gap !== undefined || this.#lag() > 0;
      if (!waits) this.#moment = this.#log.headMoment;
      if (!waits || this.#taken !== taken) return this.#watchUnread(now, this.#taken, false);
      const published = waitedSince ? since : (this.#moment.passedAt ?? since);
      const quietSince = Math.max(since, published);
      // The very sum that is set below: a difference may be rounded to less, and then it would be due at once for ever.
      if (quietSince + timeout <= now) this.#leave({ reason: "idle" });
      else this.#watchUnread(quietSince, taken, true);
    });
    this.#host.deadlines.set(this.#unread, since + timeout);
  }

  #checkIdle(now: number): void {
    const due = this.#deliveredAt + (this.#idleTimeoutMillis ?? 0);
    if (due <= now) this.#leave({ reason: "idle" });
    else if (this.#idle) this.#host.deadlines.set(this.#idle, due);
  }
}

function isSameRun(one: string, other: string): boolean {
  return parseCursor(one)?.generation === parseCursor(other)?.generation;
}
