import type { BusEvent } from "../bus/event.js";

/** JSON of an event is the event itself. */
export function encodeEvent(event: BusEvent): string {
  return JSON.stringify(event);
}

/**
 * The event that a text holds, frozen like any other.
 *
 * @throws SyntaxError if it is no JSON; TypeError that names the field if it is no event.
 */
export function decodeEvent(text: string): BusEvent {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new TypeError(`an event must be a JSON object, got ${text.slice(0, 80)}`);
  freeze(value);
  for (const [field, { must, is }] of Object.entries(required)) {
    if (!is(value[field])) throw new TypeError(`\`${field}\` of an event must be ${must}, got ${shown(value[field])}`);
  }
  return value as unknown as BusEvent;
}

const aString = { must: "a string", is: (value: unknown) => typeof value === "string" };
/** JSON can say a number beyond all numbers: 1e999. */
const aNumber = { must: "a number", is: Number.isFinite };
const anObject = { must: "an object", is: isRecord };
const required = { id: aString, runId: aString, type: aString, time: aNumber, data: anObject } as const;

/** Events nest to a depth of 8 in their data. What is far beyond is none, and could not be walked through. */
const MAX_DEPTH = 64;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function freeze(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw new TypeError(`an event must be nested at most ${MAX_DEPTH} deep`);
  for (const each of Object.values(value)) freeze(each, depth + 1);
  Object.freeze(value);
}

function shown(value: unknown): string {
  const text = String(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
