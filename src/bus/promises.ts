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

/**
 * Gives a promise what the application wrote onto another, as it is written. Not what is under a symbol: there Node keeps whose
 * work a promise is.
 */
export function withPropertiesOf<T>(promise: Promise<T>, other: object): Promise<T> {
  for (const name of Object.getOwnPropertyNames(other))
    Object.defineProperty(promise, name, Object.getOwnPropertyDescriptor(other, name) ?? {});
  return promise;
}

/**
 * The answer of a callback that has to answer at once. A promise is none: that throws, and its own rejection is not another
 * error. By shape: one of another realm, or of a library, is one as well.
 */
export function synchronous<T>(what: string, answer: T): T {
  if (!isThenable(answer)) return answer;
  answer.then(undefined, () => undefined);
  throw new TypeError(`\`${what}\` must be synchronous, got a promise`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return "then" in value && typeof value.then === "function";
}
