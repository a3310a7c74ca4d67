import { synchronous } from "../../bus/promises.js";

/** Asks a callback of a reader. A throw, or a promise, is told and gives `otherwise`. */
export function decide<T>(what: string, callback: () => T, otherwise: T, failed: (error: unknown) => void): T {
  try {
    return synchronous(what, callback());
  } catch (error) {
    failed(error);
    return otherwise;
  }
}
