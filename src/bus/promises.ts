/**
 * Also one of another realm, which is no instance of the `Promise` here. Not any object with a `then`, which may be what starts
 * it, and nothing that does not let itself be looked at.
 */
export function isPromise(value: unknown): value is Promise<unknown> {
  try {
    if (value instanceof Promise) return true;
    if (Object.prototype.toString.call(value) !== "[object Promise]") return false;
    const { then, catch: caught } = value as Partial<Promise<unknown>>;
    return typeof then === "function" && typeof caught === "function";
  } catch {
    return false;
  }
}

/** Whether it is of no class of its own, in whatever realm. */
export function isPlain(promise: Promise<unknown>): boolean {
  const above: unknown = Object.getPrototypeOf(Object.getPrototypeOf(promise));
  return !(typeof above === "object" && above !== null && "then" in above);
}
