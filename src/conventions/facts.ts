import type { SpanView } from "./convention.js";

/** Parsing a longer one would hold up the application for more than a few milliseconds; no small fact is worth that. */
const maxJsonLength = 1_048_576;

/**
 * What one span tells. Attributes may hold values of any type, and getters that throw: what cannot be read is not there.
 * JSON is parsed when asked for, once.
 */
export class Facts {
  readonly name: string;
  readonly scope: string;
  readonly startMillis: number | undefined;
  readonly #attributes: Readonly<Record<string, unknown>>;
  #parsed: Map<string, unknown> | undefined;

  constructor({ name, scope, startMillis, attributes }: SpanView) {
    this.name = typeof name === "string" ? name : "";
    this.scope = typeof scope === "string" ? scope : "";
    this.startMillis = startMillis;
    this.#attributes = isObject(attributes) ? attributes : {};
  }

  attribute(key: string): unknown {
    return property(this.#attributes, key);
  }

  /** Names of the attributes; none where they refuse to be listed. */
  keys(): readonly string[] {
    try {
      return Object.keys(this.#attributes);
    } catch {
      return [];
    }
  }

  hasAttribute(fits: (key: string) => boolean): boolean {
    try {
      for (const key in this.#attributes) if (fits(key)) return true;
    } catch {
      // Attributes that refuse to be listed are not there.
    }
    return false;
  }

  /** The attribute as an object or list, also when it is written as JSON. */
  structure(key: string): unknown {
    const value = this.attribute(key);
    if (typeof value !== "string") return value;
    this.#parsed ??= new Map();
    if (!this.#parsed.has(key)) this.#parsed.set(key, parse(value));
    return this.#parsed.get(key);
  }

  /** The value inside the attribute at the end of a path. */
  inside(key: string, path: readonly string[]): unknown {
    let value = this.structure(key);
    for (const step of path) {
      if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
      value = property(value, step);
    }
    return value;
  }
}

/**
 * A text with something in it. Some instrumentations write every attribute as JSON (MLflow), or some of them (Langfuse
 * its dates): a text in quotes is read without them.
 */
export function text(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  if (value.charCodeAt(0) !== quote || value.charCodeAt(value.length - 1) !== quote) return value;
  const unquoted = parse(value);
  if (typeof unquoted !== "string") return value;
  return unquoted === "" ? undefined : unquoted;
}

/** A value as patterns see it: a number or boolean as it is written. */
export function written(value: unknown): string | undefined {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : text(value);
}

const quote = 34;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function property(object: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return object[key];
  } catch {
    return undefined;
  }
}

function parse(json: string): unknown {
  if (json.length > maxJsonLength) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
