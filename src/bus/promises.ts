/**
 * Also one of another realm, which is no instance of the `Promise` here. Not what has a `then` of its own, which may be what
 * starts the work, and nothing that does not let itself be looked at.
 */
export function isPromise(value: unknown): value is Promise<unknown> {
  try {
    if (!(value instanceof Promise) && Object.prototype.toString.call(value) !== "[object Promise]") return false;
    const promise = value as Promise<unknown>;
    const root = rootOf(promise);
    if (!root || promise.then !== root.then) return false;
    const { resolve } = root.constructor as { readonly resolve?: unknown };
    return typeof resolve === "function";
  } catch {
    return false;
  }
}

/** Whether it is of no class of its own, in whatever realm. */
export function isPlain(promise: Promise<unknown>): boolean {
  return rootOf(promise) === Object.getPrototypeOf(promise);
}

/** The `Promise.prototype` of its realm: the last above it that can be awaited. */
function rootOf(promise: object): Promise<unknown> | undefined {
  let root: object | undefined;
  for (
    let each: unknown = Object.getPrototypeOf(promise);
    isObject(each) && "then" in each;
    each = Object.getPrototypeOf(each)
  )
    root = each;
  return root as Promise<unknown> | undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Gives a promise what the application wrote onto another, as it is written. What Node keeps on each stays its own. */
export function withPropertiesOf<T>(promise: Promise<T>, other: object): Promise<T> {
  for (const key of Reflect.ownKeys(other)) {
    const property = Object.getOwnPropertyDescriptor(other, key);
    if (property && !Object.hasOwn(promise, key)) Object.defineProperty(promise, key, property);
  }
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
