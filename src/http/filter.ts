/** What a filter throws, or answers later, is reported and thrown: who asked it hides, and may count it. */
export function reporting<T>(filter: (value: T) => boolean, report: (error: unknown) => void): (value: T) => boolean {
  return (value) => {
    try {
      const shown: unknown = filter(value);
      if (!isThenable(shown)) return Boolean(shown);
      // It is reported once, as a promise; its rejection shall not be another error.
      shown.then(undefined, () => undefined);
      throw new TypeError("a filter must be synchronous, got a promise");
    } catch (error) {
      report(error);
      throw error;
    }
  };
}

/** The same for who cannot hide by itself: what is not surely shown is not. */
export function failingClosed<T>(
  filter: (value: T) => boolean,
  report: (error: unknown) => void,
): (value: T) => boolean {
  const reported = reporting(filter, report);
  return (value) => {
    try {
      return reported(value);
    } catch {
      return false;
    }
  };
}

/** By shape: a promise of another realm, or of a library, is one as well. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return "then" in value && typeof value.then === "function";
}
