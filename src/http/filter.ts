/** A filter as the bus treats one: what it throws at, or answers later, is hidden and reported. */
export function failingClosed<T>(
  filter: (value: T) => boolean,
  report: (error: unknown) => void,
): (value: T) => boolean {
  return (value) => {
    try {
      const shown: unknown = filter(value);
      if (!(shown instanceof Promise)) return Boolean(shown);
      // It is reported once, as a promise; its rejection shall not be another error.
      shown.catch(() => undefined);
      throw new TypeError("a filter must be synchronous, got a promise");
    } catch (error) {
      report(error);
      return false;
    }
  };
}
