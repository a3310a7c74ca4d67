import { copyData, flat, jsonBytes, MAX_EVENT_BYTES, ownData } from "./bounded-json.js";
import { isName, wrong } from "./checks.js";
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

/**
 * The next event of the run: redacted, bounded, JSON-safe and frozen. Undefined when the redactor withholds it. Data and ids
 * of what is `owned` are nobody else's, so that they can be kept without a copy.
 */
export function makeEvent(
  run: Run,
  input: EventInput,
  type: string,
  redact: GuardedRedact | undefined,
  owned: boolean,
): MadeEvent | undefined {
  const time = (Number.isFinite(input.time) ? input.time : Date.now()) as number;
  const room = MAX_EVENT_BYTES - ENVELOPE_BYTES - run.idBytes - CHARACTER_BYTES * type.length;
  let { data, attributes }: { data?: unknown; attributes?: unknown } = input;
  if (redact) {
    const result = redact(draftOf(run, input, type, time, room, owned));
    if (!result) return undefined;
    ({ data, attributes } = result);
  }
  const copy =
    owned && !redact
      ? ownData(data as Record<string, unknown>, room, run.texts, true)
      : copyData(data, room, run.texts, true);
  const carried = attributes ? copyData(attributes, room - copy.bytes, run.texts, true) : undefined;
  // Taken last: getters of what was copied may have published.
  const seq = run.seq + 1;
  const event: Building = { id: run.eventId(seq), runId: run.id, seq, type, time, data: copy.value };
  addSpanIds(event, input, (field, id) => (owned ? id : run.texts.copy(field, id)));
  let bytes = BARE_BYTES + run.idBytes + type.length + copy.bytes;
  if (!owned) bytes += unusualBytes(event);
  if (carried) {
    event.attributes = carried.value;
    bytes += carried.bytes;
  }
  return { event: Object.freeze(event) as unknown as BusEvent, bytes };
}

/** What the redactor gets: all of it may be changed. */
function draftOf(run: Run, input: EventInput, type: string, time: number, room: number, owned: boolean): EventDraft {
  const { data, attributes } = input;
  const copy = owned
    ? ownData({ ...(data as Record<string, unknown>) }, room, run.texts, false)
    : copyData(data, room, run.texts, false);
  const draft: EventDraft = { runId: run.id, type, time, data: copy.value };
  addSpanIds(draft, input, (_, id) => flat(id));
  if (attributes) draft.attributes = copyData(attributes, room, run.texts, false).value;
  return draft;
}

/** The same event as the next of its run. */
export function renumbered(event: BusEvent, run: Run): BusEvent {
  const seq = run.seq + 1;
  return Object.freeze({ ...event, id: run.eventId(seq), seq }) as BusEvent;
}

interface SpanIds {
  traceId?: string | undefined;
  spanId?: string | undefined;
  parentSpanId?: string | undefined;
}

interface Building extends SpanIds {
  id: string;
  runId: string;
  seq: number;
  type: string;
  time: number;
  data: Record<string, unknown>;
  attributes?: Record<string, unknown>;
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
  if (typeof result.data !== "object" || result.data === null) {
    throw wrong(TypeError, "redact", "a synchronous function that returns a draft or undefined", result);
  }
  return result;
}

/** Room for what is around data and attributes, but the run id and the type: the three ids of a span, and the rest. */
const ENVELOPE_BYTES = 3 * 6 * 64 + 224;
/** A name has nothing that takes more. */
const CHARACTER_BYTES = 3;
/** What is around data and attributes takes as a rule, with the ids of a span; and these alone. */
const BARE_BYTES = 200;
const SPAN_IDS_BYTES = 32 + 16 + 16;

export function isEventType(type: unknown): type is string {
  return isName(type) && !type.startsWith("bus.");
}

function addSpanIds(
  target: SpanIds,
  { traceId, spanId, parentSpanId }: EventInput,
  copy: (field: keyof SpanIds, id: string) => string,
): void {
  if (isSpanId(traceId)) target.traceId = copy("traceId", traceId);
  if (isSpanId(spanId)) target.spanId = copy("spanId", spanId);
  if (isSpanId(parentSpanId)) target.parentSpanId = copy("parentSpanId", parentSpanId);
}

/** What a type and ids that an application made up take beyond what is counted for any. */
function unusualBytes({ type, traceId, spanId, parentSpanId }: Building): number {
  const ids = textBytes(traceId) + textBytes(spanId) + textBytes(parentSpanId);
  return textBytes(type) - type.length + Math.max(0, ids - SPAN_IDS_BYTES);
}

function textBytes(text: string | undefined): number {
  return text === undefined ? 0 : jsonBytes(text) - 2;
}

function isSpanId(id: unknown): id is string {
  return typeof id === "string" && id.length > 0 && id.length <= 64;
}
