import type { AbortWatch } from "../../bus/abort-watch.js";
import { batchesOf } from "../../bus/batches.js";
import { Deadline, type Deadlines } from "../../bus/deadlines.js";
import type { BusEvent, SubscriptionEnd } from "../../bus/event.js";
import type { SubscribeOptions } from "../../bus/hub-options.js";
import type { Subscription, SubscriptionMembers } from "../../bus/subscription.js";
import type { Life } from "./life.js";

type Result<T> = IteratorResult<T, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** What a subscription needs before it is attached. */
export interface Waiting {
  readonly options: SubscribeOptions;
  readonly deadlines: Deadlines;
  readonly aborts: AbortWatch;
}

/** A reader of the bus that is attached once Redis has answered. Until then it can be asked and left like any other. */
export class RedisSubscription implements SubscriptionMembers {
  /** Settles when it is attached, or over before. */
  readonly attached: Promise<void>;
  readonly ended: Promise<SubscriptionEnd>;
  readonly #after: string | undefined;
  readonly #deadlines: Deadlines;
  #reader: Subscription | undefined;
  #life: Life | undefined;
  #isOver = false;
  #error: Error | undefined;
  readonly #idle: Deadline | undefined;
  readonly #unwatch: (() => void) | undefined;
  #isAttached: () => void = () => undefined;
  #settle: (end: SubscriptionEnd) => void = () => undefined;

  constructor({ options, deadlines, aborts }: Waiting) {
    const { after, signal, idleTimeoutMillis } = options;
    this.#after = after === "live" ? undefined : after;
    this.#deadlines = deadlines;
    this.attached = new Promise((resolve) => {
      this.#isAttached = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    if (signal?.aborted) this.#leave({ reason: "aborted" });
    else if (signal) this.#unwatch = aborts.watch(signal, () => this.#leave({ reason: "aborted" }));
    if (idleTimeoutMillis !== undefined && !this.#isOver) {
      this.#idle = new Deadline(() => this.#leave({ reason: "idle" }));
      deadlines.set(this.#idle, deadlines.now() + idleTimeoutMillis);
    }
  }

  /** It was left before it was attached. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** `life`: of the run that is read, if it is one. */
  attach(reader: Subscription, life?: Life): void {
    this.#forget();
    this.#reader = reader;
    this.#life = life;
    reader.ended.then(this.#settle);
    this.#isAttached();
  }

  /** It cannot be attached: `next()` rejects, and it ends as `cut`. */
  fail(error: Error): void {
    if (this.#isOver) return;
    this.#error = error;
    this.#leave({ reason: "cut" });
  }

  end(end: SubscriptionEnd): void {
    if (!this.#reader) this.#leave(end);
  }

  get dropped(): number {
    return this.#reader?.dropped ?? 0;
  }

  get size(): number {
    return this.#reader?.size ?? 0;
  }

  get lastId(): string | undefined {
    return this.#reader ? this.#reader.lastId : this.#after;
  }

  get caughtUp(): boolean {
    return this.#reader?.caughtUp ?? false;
  }

  get endId(): string | undefined {
    return this.#life?.endId;
  }

  next(): Promise<Result<BusEvent>> {
    return this.#reader ? this.#reader.next() : this.#whenAttached((reader) => reader.next());
  }

  batches(): AsyncIterableIterator<readonly BusEvent[], undefined> {
    let inner: AsyncIterableIterator<readonly BusEvent[], undefined> | undefined;
    const next = (): Promise<Result<readonly BusEvent[]>> =>
      this.#whenAttached((reader) => {
        inner ??= reader.batches();
        return inner.next() as Promise<Result<readonly BusEvent[]>>;
      });
    return batchesOf(next, this);
  }

  close(): void {
    if (this.#reader) this.#reader.close();
    else this.#leave({ reason: "returned" });
  }

  async return(): Promise<Result<BusEvent>> {
    this.close();
    return DONE;
  }

  [Symbol.asyncIterator](): Subscription {
    return this as RedisSubscription & Subscription;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #whenAttached<T>(read: (reader: Subscription) => Promise<Result<T>>): Promise<Result<T>> {
    await this.attached;
    if (this.#reader) return read(this.#reader);
    if (this.#error) throw this.#error;
    return DONE;
  }

  #leave(end: SubscriptionEnd): void {
    if (this.#isOver || this.#reader) return;
    this.#isOver = true;
    this.#forget();
    this.#settle(end);
    this.#isAttached();
  }

  #forget(): void {
    this.#unwatch?.();
    if (this.#idle) this.#deadlines.clear(this.#idle);
  }
}
