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
  for (const [field, type] of Object.entries(required)) {
    if (typeof value[field] !== type)
      throw new TypeError(`\`${field}\` of an event must be a ${type}, got ${JSON.stringify(value[field])}`);
  }
  if (!isRecord(value["data"]))
    throw new TypeError(`\`data\` of an event must be an object, got ${JSON.stringify(value["data"])}`);
  return freeze(value) as unknown as BusEvent;
}

const required = { id: "string", runId: "string", type: "string", time: "number" } as const;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const each of Object.values(value)) freeze(each);
  return Object.freeze(value);
}
