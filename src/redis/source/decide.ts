/** Asks a callback of a reader. A throw, or a promise, is told and gives `otherwise`. */
export function decide<T>(what: string, callback: () => T, otherwise: T, failed: (error: unknown) => void): T {
  try {
    const result: unknown = callback();
    if (!isThenable(result)) return result as T;
    // Its rejection is told here, once, as a promise.
    result.then(undefined, () => undefined);
    throw new TypeError(`\`${what}\` must be synchronous, got a promise`);
  } catch (error) {
    failed(error);
    return otherwise;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
