/** Checks of what a caller gives. Each message names the option, what is allowed and what was given. */

export function positiveInteger(name: string, value: unknown): number {
  if (typeof value !== "number") throw wrong(TypeError, name, "a positive integer", value);
  if (!Number.isSafeInteger(value) || value < 1) throw wrong(RangeError, name, "a positive integer", value);
  return value;
}

export function oneOf<T>(name: string, value: unknown, allowed: readonly T[], or = ""): T {
  if (allowed.includes(value as T)) return value as T;
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  throw wrong(typeof value === "string" ? RangeError : TypeError, name, `one of ${list}${or}`, value);
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw wrong(TypeError, name, "true or false", value);
  return value;
}

export function optionalFunction<F>(name: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== "function") throw wrong(TypeError, name, "a function", value);
  return value;
}

export function stringList(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw wrong(TypeError, name, "an array of strings", value);
  for (const each of value) if (typeof each !== "string") throw wrong(TypeError, name, "an array of strings", value);
  return value as readonly string[];
}

/** An `AbortSignal`, or what is as good as one. */
export function optionalSignal(name: string, value: unknown): void {
  if (value === undefined) return;
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<Record<string, unknown>>;
  const listens = typeof addEventListener === "function" && typeof removeEventListener === "function";
  if (typeof aborted !== "boolean" || !listens) throw wrong(TypeError, name, "an AbortSignal", value);
}

export function anObject(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(TypeError, name, "an object", value);
}

/**
 * Run ids and event types: 1 to 256 characters without control characters. Half a surrogate pair is none: it has no place in
 * an address or in UTF-8.
 */
export function isName(value: unknown): value is string {
  if (typeof value !== "string" || value.length === 0 || value.length > 256) return false;
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
    if (code < 0xd800 || code > 0xdfff) continue;
    const next = value.charCodeAt(index + 1);
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
    index += 1;
  }
  return true;
}

export function runIdName(value: unknown): string {
  if (typeof value !== "string") throw wrong(TypeError, "runId", "a string", value);
  if (!isName(value)) throw wrong(RangeError, "runId", "1 to 256 characters without control characters", value);
  return value;
}

export function wrong(kind: new (message: string) => Error, name: string, allowed: string, value: unknown): Error {
  return new kind(`\`${name}\` must be ${allowed}, got ${shown(value)}`);
}

function shown(value: unknown): string {
  try {
    const text =
      typeof value === "string" ? JSON.stringify(value) : Array.isArray(value) ? JSON.stringify(value) : String(value);
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  } catch {
    return typeof value;
  }
}
