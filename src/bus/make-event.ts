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
  owned = false,
): MadeEvent | undefined {
  const time = typeof input.time === "number" && Number.isFinite(input.time) ? input.time : Date.now();
  const room = MAX_EVENT_BYTES - ENVELOPE_BYTES - run.idBytes - longBytes(type);
  let { data, attributes }: { data?: unknown; attributes?: unknown } = input;
  if (redact) {
    const draft: EventDraft = { runId: run.id, type, time, data: copyData(data, room, false).value };
    addSpanIds(draft, input, (_, id) => flat(id));
    if (attributes) draft.attributes = copyData(attributes, room, false).value;
    const result = redact(draft);
    if (!result) return undefined;
    ({ data, attributes } = result);
  }
  const copy =
    owned && !redact
      ? ownData(data as Record<string, unknown>, room, run.texts)
      : copyData(data, room, true, run.texts);
  const carried = attributes ? copyData(attributes, room - copy.bytes, true, run.texts) : undefined;
  // Taken last: getters of what was copied may have published.
  const seq = run.seq + 1;
  const event: Building = { id: run.eventId(seq), runId: run.id, seq, type, time, data: copy.value };
  let bytes = BARE_BYTES + run.idBytes + type.length + copy.bytes;
  addSpanIds(event, input, (field, id) => (owned ? id : run.texts.copy(field, id)));
  if (carried) {
    event.attributes = carried.value;
    bytes += carried.bytes;
  }
  return { event: Object.freeze(event) as unknown as BusEvent, bytes };
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
  if (typeof result !== "object" || typeof result.data !== "object" || result.data === null) {
    throw wrong(TypeError, "redact", "a synchronous function that returns a draft or undefined", result);
  }
  return result;
}

/** Room for everything around data and attributes: four names of up to 64 characters, and the syntax. */
const ENVELOPE_BYTES = 4 * 6 * 64 + 160;
/** What that takes as a rule, with the ids of a span. */
const BARE_BYTES = 200;

/** Names longer than the envelope has room for are measured. */
function longBytes(name: string): number {
  return name.length > 64 ? jsonBytes(name) : 0;
}

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

function isSpanId(id: unknown): id is string {
  return typeof id === "string" && id.length > 0 && id.length <= 64;
}
