import { attempt } from "./attempt.js";
import type { RepeatedTexts } from "./repeated-texts.js";

/** One event is at most this much JSON, in UTF-8 bytes. */
export const MAX_EVENT_BYTES = 32 * 1024;
const MAX_STRING_LENGTH = 8192;
const MAX_DEPTH = 8;
const MAX_ENTRIES = 128;
/** Six bits a character: the longest run of bytes whose base64 still fits a string. */
const MAX_BINARY_LENGTH = (MAX_STRING_LENGTH / 4) * 3;

const OMITTED = Symbol("omitted");
const NO_KEYS: readonly string[] = [];

/** A frozen, JSON-safe copy and its size. */
export interface Copy {
  readonly value: Record<string, unknown>;
  readonly bytes: number;
}

/**
 * Copies data for keeping: bounded in size, depth and width, free of anything JSON cannot carry. What did not fit is
 * left out and `truncated: true` says so.
 */
export function copyData(source: unknown, maxBytes: number, texts: RepeatedTexts, frozen: boolean): Copy {
  const copier = new Copier(maxBytes, texts, frozen);
  return copier.finish(copier.record(source));
}

/**
 * The same for a plain object that nobody else has, whose keys are names of fields: it is kept itself, with copies of what is
 * in it.
 */
export function ownData(
  source: Record<string, unknown>,
  maxBytes: number,
  texts: RepeatedTexts,
  frozen: boolean,
): Copy {
  const copier = new Copier(maxBytes, texts, frozen);
  copier.inPlace(source);
  return copier.finish(source);
}

/** Longer texts are content. */
const MAX_NAME_LENGTH = 256;
/** Quotes, colon and comma around the name of a field, which has nothing to escape. */
const FIELD_BYTES = 4;
const TRUNCATED_BYTES = '"truncated":true,'.length;

/** A container that is being copied, and the one around it: a cycle comes back to one of them. */
interface Around {
  readonly container: object;
  readonly outer: Around | undefined;
  readonly depth: number;
}

class Copier {
  #bytes = 2;
  #truncated = false;
  readonly #maxBytes: number;
  readonly #texts: RepeatedTexts;
  readonly #frozen: boolean;

  constructor(maxBytes: number, texts: RepeatedTexts, frozen: boolean) {
    this.#maxBytes = maxBytes - TRUNCATED_BYTES;
    this.#texts = texts;
    this.#frozen = frozen;
  }

  /** The outermost object; anything that is none is an empty one. */
  record(source: unknown): Record<string, unknown> {
    const target: Record<string, unknown> = {};
    if (!isObject(source)) return target;
    const json = attempt(() => this.#inJson(source), source);
    if (isObject(json)) this.#entries(json, target, undefined);
    return target;
  }

  /** Puts copies where the values were. Content comes last, since it takes all the room that it finds. */
  inPlace(record: Record<string, unknown>): void {
    if (this.#keep(record, false)) this.#keep(record, true);
  }

  /** Keeps content, or all else; true if there is some of the other. */
  #keep(record: Record<string, unknown>, content: boolean): boolean {
    let others = false;
    for (const key in record) {
      const value = record[key];
      if ((typeof value === "string" && value.length > MAX_NAME_LENGTH) !== content) {
        others = true;
        continue;
      }
      const copy = this.#field(value, record, key, key.length + FIELD_BYTES, undefined);
      if (copy === OMITTED) delete record[key];
      else record[key] = copy;
    }
    return others;
  }

  /** The outermost object, as it is kept. */
  finish(value: Record<string, unknown>): Copy {
    if (this.#truncated) {
      value["truncated"] = true;
      this.#bytes += TRUNCATED_BYTES;
    }
    return { value: this.#frozen ? Object.freeze(value) : value, bytes: this.#bytes };
  }

  #entries(source: object, target: Record<string, unknown>, around: Around | undefined): void {
    let taken = 0;
    for (const key of attempt(() => Object.keys(source), NO_KEYS)) {
      if (taken === MAX_ENTRIES || key.length > MAX_STRING_LENGTH) {
        this.#truncated = true;
        continue;
      }
      const copy = this.#field(read(source, key), source, key, jsonBytes(key) + 2, around);
      if (copy === OMITTED) continue;
      taken += 1;
      // Defined, not assigned: `__proto__` is a key like any other.
      if (key === "__proto__") Object.defineProperty(target, key, { value: copy, enumerable: true });
      else target[key] = copy;
    }
  }

  /** The copy of a property whose name takes so many bytes. */
  #field(value: unknown, container: object, key: string, keyBytes: number, around: Around | undefined): unknown {
    const before = this.#bytes;
    this.#bytes += keyBytes;
    const copy = this.#bytes > this.#maxBytes ? this.#cut() : this.#value(value, container, around, key);
    if (copy === OMITTED) this.#bytes = before;
    return copy;
  }

  /** The copy of a value in `container`; `field` is the name of the property, if it is of an object. */
  #value(value: unknown, container: object, around: Around | undefined, field?: string): unknown {
    switch (typeof value) {
      case "string":
        return this.#string(value, field);
      case "number":
        return Number.isFinite(value) ? this.#sized(value, numberBytes(value)) : this.#sized(null, 4);
      case "boolean":
        return this.#sized(value, 5);
      case "bigint":
        return this.#string(String(value));
      case "object":
        if (value === null) return this.#sized(null, 4);
        return this.#object(value, { container, outer: around, depth: (around?.depth ?? 0) + 1 });
      default:
        return OMITTED;
    }
  }

  #object(value: object, around: Around): unknown {
    for (let each: Around | undefined = around; each; each = each.outer) if (each.container === value) return OMITTED;
    const before = this.#bytes;
    try {
      const binary = bytesOf(value);
      if (binary) return this.#binary(binary);
      if (value instanceof Number || value instanceof String || value instanceof Boolean) {
        return this.#value(value.valueOf(), around.container, around.outer);
      }
      const json = this.#inJson(value);
      if (!isObject(json)) return this.#value(json, around.container, around.outer);
      // What stands for another is as good a place to come back to.
      return this.#container(json, json === value ? around : { ...around, container: value, outer: around });
    } catch {
      // A proxy or a getter that throws, at whatever depth.
      this.#bytes = before;
      return OMITTED;
    }
  }

  #container(value: object, around: Around): unknown {
    if (around.depth >= MAX_DEPTH || this.#bytes + 2 > this.#maxBytes) return this.#cut();
    this.#bytes += 2;
    let copy: object;
    if (Array.isArray(value)) copy = this.#array(value, around);
    else {
      const target: Record<string, unknown> = {};
      this.#entries(value, target, around);
      copy = target;
    }
    return this.#frozen ? Object.freeze(copy) : copy;
  }

  #array(source: readonly unknown[], around: Around): unknown[] {
    const target: unknown[] = [];
    for (let index = 0; index < source.length; index += 1) {
      if (index === MAX_ENTRIES || this.#bytes + 5 > this.#maxBytes) {
        this.#truncated = true;
        break;
      }
      this.#bytes += 1;
      const copy = this.#value(read(source, index), source, around);
      target.push(copy === OMITTED ? this.#sized(null, 4) : copy);
    }
    return target;
  }

  #string(value: string, field?: string): unknown {
    const room = this.#maxBytes - this.#bytes;
    let text = cut(value, MAX_STRING_LENGTH);
    let bytes = jsonBytes(text);
    while (bytes > room && text.length > 0) {
      text = cut(text, Math.floor((text.length * room) / bytes));
      bytes = jsonBytes(text);
    }
    if (text.length < value.length) this.#truncated = true;
    return this.#sized(this.#texts.copy(field, text), bytes);
  }

  #binary(bytes: Uint8Array): unknown {
    if (bytes.length > MAX_BINARY_LENGTH) this.#truncated = true;
    return this.#string(base64(bytes));
  }

  #sized<T>(value: T, bytes: number): T | typeof OMITTED {
    if (this.#bytes + bytes > this.#maxBytes) return this.#cut();
    this.#bytes += bytes;
    return value;
  }

  /** What JSON, or a reader of it, would make of the object. */
  #inJson(value: object): unknown {
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      if (value instanceof Error) return { name: value.name, message: value.message };
      if (value instanceof Map) return Object.fromEntries(this.#firstOf(value));
      if (value instanceof Set) return this.#firstOf(value);
    }
    const { toJSON } = value as { readonly toJSON?: unknown };
    return typeof toJSON === "function" ? toJSON.call(value) : value;
  }

  /** As many as may be kept: of a million a look at the first is enough. */
  #firstOf<T>(values: Iterable<T>): T[] {
    const first: T[] = [];
    for (const value of values) {
      if (first.length === MAX_ENTRIES) {
        this.#cut();
        break;
      }
      first.push(value);
    }
    return first;
  }

  #cut(): typeof OMITTED {
    this.#truncated = true;
    return OMITTED;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function read(source: object, key: string | number): unknown {
  try {
    return (source as Record<string | number, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** The bytes that the object is, if it is such. */
export function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/** As many of the bytes as fit a string. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes.subarray(0, MAX_BINARY_LENGTH)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The first `length` characters, without half a surrogate pair at the end. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/**
 * A copy that shares no memory with the text it was cut from: V8 keeps the whole parent of a slice alive. Joining writes a
 * new text; short ones are copied anyway.
 */
export function flat(text: string): string {
  return text.length < 13 ? text : [text.slice(0, 1), text.slice(1)].join("");
}

/** Length of the number as JSON, at most: to write one out costs more than all else that is done to it. */
function numberBytes(value: number): number {
  if (!Number.isSafeInteger(value)) return LONGEST_NUMBER;
  const size = Math.abs(value);
  let digits = value < 0 ? 2 : 1;
  for (let power = 10; power <= size; power *= 10) digits += 1;
  return digits;
}

const LONGEST_NUMBER = "-2.2250738585072014e-308".length;

/** Anything that JSON escapes, or that takes more than a byte. */
const UNEVEN = /[^ !#-[\]-~]/;
/** From here on it pays to ask the expression first: it is three times as fast as the loop. */
const LONG = 32;

/** Length of the text as JSON in UTF-8, quotes included. */
export function jsonBytes(text: string): number {
  if (text.length > LONG && !UNEVEN.test(text)) return text.length + 2;
  let bytes = text.length + 2;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x22 && code < 0x80) bytes += code === 0x5c ? 1 : 0;
    else if (code < 0x20) bytes += code === 8 || code === 9 || code === 10 || code === 12 || code === 13 ? 1 : 5;
    else if (code === 0x22) bytes += 1;
    else if (code < 0x80) continue;
    else if (code < 0x800) bytes += 1;
    else if (code < 0xd800 || code > 0xdfff) bytes += 2;
    else if (code < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      // A pair is four bytes for two characters.
      bytes += 2;
      index += 1;
    } else bytes += 5;
  }
  return bytes;
}
