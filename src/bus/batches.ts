import type { BusEvent } from "./event.js";

type Batch = IteratorResult<readonly BusEvent[], undefined>;

/** What a subscription's `batches()` gives: leaving it leaves the subscription. */
export function batchesOf(
  next: () => Promise<Batch>,
  subscription: { close(): void },
): AsyncIterableIterator<readonly BusEvent[], undefined> {
  const batches: AsyncIterableIterator<readonly BusEvent[], undefined> = {
    next,
    return: async () => {
      subscription.close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => batches,
  };
  return batches;
}
