import { synchronous } from "../bus/promises.js";

type Filter<T> = (value: T) => boolean;

/** What a filter throws, or answers later, is reported and thrown: who asked it hides, and may count it. */
export function reporting<T>(name: string, filter: Filter<T>, report: (error: unknown) => void): Filter<T> {
  return (value) => {
    try {
      return Boolean(synchronous(name, filter(value)));
    } catch (error) {
      report(error);
      throw error;
    }
  };
}

/** The same for who cannot hide by itself: what is not surely shown is not. */
export function failingClosed<T>(name: string, filter: Filter<T>, report: (error: unknown) => void): Filter<T> {
  const reported = reporting(name, filter, report);
  return (value) => {
    try {
      return reported(value);
    } catch {
      return false;
    }
  };
}
