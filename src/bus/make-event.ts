import { copyData, jsonBytes, MAX_EVENT_BYTES } from "./bounded-json.js";
import { isName, wrong } from "./checks.js";
import { eventId } from "./cursor.js";
import type { BusEvent, ControlEventMap, EventDraft, EventInput } from "./event.js";
import type { HubOptions } from "./hub-options.js";
import type { Run } from "./run.js";

/** An event and its size in bytes of JSON. */
export interface MadeEvent {
  readonly event: BusEvent;
  readonly bytes: number;
}

/** The redactor, called so that a throw withholds the event. */
export type GuardedRedact = (draft: EventDraft) => EventDraft | undefined;

/** The next event of the run: redacted, bounded, JSON-safe and frozen. Undefined when the redactor withholds it. */
export function makeEvent(run: Run, input: EventInput, redact: GuardedRedact | undefined): MadeEvent | undefined {
  const time = typeof input.time === "number" && Number.isFinite(input.time) ? input.time : Date.now();
  const fixed = { runId: run.id, type: input.type, time, ...spanIds(input) };
  let { data, attributes }: { data?: unknown; attributes?: unknown } = input;
  const room = MAX_EVENT_BYTES - jsonBytes(JSON.stringify(fixed)) - ENVELOPE_BYTES;
  if (redact) {
    const draft: EventDraft = { ...fixed, data: copyData(data, room, false).value };
    if (attributes) draft.attributes = copyData(attributes, room, false).value;
    const result = redact(draft);
    if (!result) return undefined;
    ({ data, attributes } = result);
  }
  const copy = copyData(data, room);
  const extra = attributes ? copyData(attributes, room - copy.bytes) : undefined;
  const seq = run.seq + 1;
  const event = {
    id: eventId(run.generation, seq),
    ...fixed,
    seq,
    data: copy.value,
    ...(extra && { attributes: extra.value }),
  };
  return {
    event: Object.freeze(event) as BusEvent,
    bytes: MAX_EVENT_BYTES - room + copy.bytes + (extra?.bytes ?? 0),
  };
}

/** An event of the bus itself. */
export function controlEvent<T extends keyof ControlEventMap>(
  id: string,
  runId: string,
  type: T,
  data: ControlEventMap[T],
): BusEvent {
  return Object.freeze({ id, runId, type, time: Date.now(), data: Object.freeze(data) }) as unknown as BusEvent;
}

/** What a redactor returned, if it is something to publish. */
export function checkedDraft(result: ReturnType<NonNullable<HubOptions["redact"]>>): EventDraft | undefined {
  if (result === undefined || result === null) return undefined;
  if (typeof result !== "object" || typeof result.data !== "object" || result.data === null) {
    throw wrong(TypeError, "redact", "a synchronous function that returns a draft or undefined", result);
  }
  return result;
}

/** Room for the id, the seq and what JSON puts around the parts. */
const ENVELOPE_BYTES = 160;

export function isEventType(type: unknown): type is string {
  return isName(type) && !type.startsWith("bus.");
}

function spanIds(input: EventInput): { traceId?: string; spanId?: string; parentSpanId?: string } {
  return {
    ...(isSpanId(input.traceId) && { traceId: input.traceId }),
    ...(isSpanId(input.spanId) && { spanId: input.spanId }),
    ...(isSpanId(input.parentSpanId) && { parentSpanId: input.parentSpanId }),
  };
}

function isSpanId(id: unknown): id is string {
  return typeof id === "string" && id.length > 0 && id.length <= 64;
}
