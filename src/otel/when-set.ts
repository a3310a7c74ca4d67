import { tell } from "./tell.js";

/**
 * Calls back with the value of a property: now if it has one, else in the moment it gets one, before anybody reads it. It is
 * an ordinary property again from then on. What it returns stops the waiting.
 */
export function whenSet(holder: object, key: PropertyKey, then: (value: unknown) => void): () => void {
  const current: unknown = Reflect.get(holder, key);
  if (current !== undefined && current !== null) {
    then(current);
    return () => {};
  }
  let waiting: typeof then | undefined = then;
  // Another one may be waiting for the same.
  const previous = Object.getOwnPropertyDescriptor(holder, key);
  const set = (value: unknown): void => {
    // What is set to nothing is still waited for.
    if (value === undefined || value === null) return;
    previous?.set?.call(holder, value);
    Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true });
    try {
      waiting?.(value);
    } catch (error) {
      // Whoever sets the property knows nothing of us.
      tell("warn", `attach: \`${String(key)}\` of OpenTelemetry's API is not as expected`, error);
    }
  };
  Object.defineProperty(holder, key, { configurable: true, enumerable: true, get: () => undefined, set });
  return () => {
    if (!waiting) return;
    waiting = undefined;
    if (Object.getOwnPropertyDescriptor(holder, key)?.set !== set) return;
    if (previous) Object.defineProperty(holder, key, previous);
    else Reflect.deleteProperty(holder, key);
  };
}
