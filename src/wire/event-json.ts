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
  return checkedEvent(JSON.parse(text));
}

/**
 * The same for what was JSON. What the fields of `data` hold is not looked at: an event says what it likes.
 *
 * @throws TypeError that names the field if it is no event.
 */
export function checkedEvent(value: unknown): BusEvent {
  freeze(value);
  if (!isRecord(value)) throw new TypeError(`an event must be a JSON object, got ${shown(value)}`);
  for (const [field, { must, is }] of Object.entries(fields)) {
    if (!is(value[field])) throw new TypeError(`\`${field}\` of an event must be ${must}, got ${shown(value[field])}`);
  }
  return value as unknown as BusEvent;
}

interface Rule {
  readonly must: string;
  is(value: unknown): boolean;
}

const aString: Rule = { must: "a string", is: (value) => typeof value === "string" };
/** JSON can say a number beyond all numbers: 1e999. */
const aNumber: Rule = { must: "a number", is: Number.isFinite };
const anObject: Rule = { must: "an object", is: isRecord };

function ifThere({ must, is }: Rule): Rule {
  return { must, is: (value) => value === undefined || is(value) };
}

const fields: Readonly<Record<string, Rule>> = {
  id: aString,
  runId: aString,
  seq: ifThere(aNumber),
  type: aString,
  time: aNumber,
  traceId: ifThere(aString),
  spanId: ifThere(aString),
  parentSpanId: ifThere(aString),
  data: anObject,
  attributes: ifThere(anObject),
};

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
