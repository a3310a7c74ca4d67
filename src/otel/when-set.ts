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
  let stopped = false;
  // Another one may be waiting for the same.
  const previous = Object.getOwnPropertyDescriptor(holder, key)?.set;
  Object.defineProperty(holder, key, {
    configurable: true,
    enumerable: true,
    get: () => undefined,
    set: (value: unknown) => {
      previous?.call(holder, value);
      Object.defineProperty(holder, key, { value, configurable: true, enumerable: true, writable: true });
      if (!stopped) then(value);
    },
  });
  return () => {
    stopped = true;
  };
}
