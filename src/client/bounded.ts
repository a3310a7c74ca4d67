/** The longest a timer can take; a longer one would fire at once. */
const LONGEST_MILLIS = 2 ** 31 - 1;
/** If the loop was blocked, what came meanwhile is there, but not looked at when the timer rings: so long it may be. */
const LOOK_MILLIS = 20;

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
    const giveUp = (): void => {
      free();
      reject(late());
    };
    let timer = setTimeout(
      () => {
        timer = setTimeout(giveUp, LOOK_MILLIS);
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
