/** The longest a timer can take; a longer one would fire at once. */
const LONGEST_MILLIS = 2 ** 31 - 1;

/**
 * Waits for a promise: at most so long, and no longer than until the signal aborts.
 *
 * @throws the reason of the signal, or what `late` makes.
 */
export function bounded<T>(work: Promise<T>, millis: number, signal: AbortSignal, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const free = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      free();
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        free();
        reject(late());
      },
      Math.min(millis, LONGEST_MILLIS),
    );
    signal.addEventListener("abort", abort);
    work.then(
      (value) => {
        free();
        resolve(value);
      },
      (error: unknown) => {
        free();
        reject(error);
      },
    );
    if (signal.aborted) abort();
  });
}
