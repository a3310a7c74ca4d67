import type { BusEvent, SubscriptionEnd } from "./event.js";

type AsyncDisposeKey = typeof Symbol extends { readonly asyncDispose: infer Key extends symbol } ? Key : never;
/** `AsyncDisposable`, written so that a consumer needs no `esnext` library. */
export type AsyncDisposableLike = { [Key in AsyncDisposeKey]: () => Promise<void> };

/**
 * A reader of one run, or of all. Iterate it once; leave by `break`, `return()`, `close()`, the abort signal or
 * `await using`. It keeps no process alive.
 */
export interface SubscriptionMembers extends AsyncIterableIterator<BusEvent> {
  /** Events lost by lagging, also those not yet told by a `bus.gap`. */
  readonly dropped: number;
  /** Events waiting to be read, replay included. */
  readonly size: number;
  /** Id of the last event read: pass it as `after` to resume behind it. */
  readonly lastId: string | undefined;
  /** All events that were kept when the reader attached have been read. */
  readonly caughtUp: boolean;
  /** Settles when the last event was taken or the reader left. Never rejects. */
  readonly ended: Promise<SubscriptionEnd>;
  /** Everything that waits, at once. Shares the position with `next()`. */
  batches(): AsyncIterableIterator<readonly BusEvent[], undefined>;
  /** Leaves: what waits is given up, a waiting `next()` ends. */
  close(): void;
  next(): Promise<IteratorResult<BusEvent, undefined>>;
  return(): Promise<IteratorResult<BusEvent, undefined>>;
  [Symbol.asyncIterator](): Subscription;
}

/** What `subscribe` and `subscribeGlobal` return; `await using` leaves it at the end of the block. */
export type Subscription = SubscriptionMembers & AsyncDisposableLike;
