import type { EventHub } from "../bus/event-hub.js";
import type { Interpreter } from "../conventions/index.js";
import { bindingOf } from "./binding.js";
import type { Chunks } from "./chunks.js";
import { isContentField } from "./content.js";
import type { Keys, Place, Places } from "./places.js";
import type { RunLives } from "./run-life.js";
import type { RunResolver } from "./run-resolver.js";
import { type ContextLike, type LogRecordLike, millis, type TimedEventLike } from "./signals.js";
import type { SpanPublisher } from "./span-publisher.js";
import type { SpanRecord } from "./span-record.js";
import type { TraceTable } from "./trace-table.js";

export interface NamedEventParts {
  readonly hub: EventHub;
  readonly chunks: Chunks;
  readonly interpreter: Interpreter;
  readonly resolver: RunResolver;
  readonly places: Places;
  readonly lives: RunLives;
  readonly traces: TraceTable;
  readonly publisher: SpanPublisher;
  readonly content: (value: unknown) => string | undefined;
}

/** What one says, and where it was said. */
interface NamedEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Data besides the attributes. */
  readonly extra: object;
  readonly place: Place;
  readonly keys: Keys;
}

const NO_KEYS: Keys = Object.freeze({ binding: undefined, accepted: undefined });

/** Span events and log events: each becomes an event under its own name. */
export class NamedEvents {
  readonly #parts: NamedEventParts;

  constructor(parts: NamedEventParts) {
    this.#parts = parts;
  }

  ofSpan(record: SpanRecord, event: TimedEventLike): void {
    const { interpreter, publisher } = this.#parts;
    const { name } = event;
    if (typeof name !== "string") return;
    const attributes = (event.attributes ?? {}) as Readonly<Record<string, unknown>>;
    if (name === "exception") {
      record.exception ??= exceptionOf(attributes);
      return;
    }
    const time = millis(event.time) ?? Date.now();
    if (interpreter.firstChunkEvents.has(name))
      publisher.firstChunk(record, time, interpreter.firstChunkMillis(attributes));
    if (isRepeated(record, name, "span")) return;
    this.#publish({
      name,
      time,
      attributes,
      extra: {},
      place: this.#parts.places.inside(record),
      keys: keysOf(record),
    });
  }

  ofLog(log: LogRecordLike, context: ContextLike | undefined): void {
    const attributes = (log.attributes ?? {}) as Readonly<Record<string, unknown>>;
    const name = log.eventName || attributes["event.name"];
    if (typeof name !== "string" || name === "") return;
    const { places, resolver, content } = this.#parts;
    const binding = bindingOf(context);
    const place = places.at(log.spanContext, binding);
    const { record } = place;
    if (name === "exception") {
      if (record) record.exception ??= exceptionOf(attributes);
      return;
    }
    if (record && isRepeated(record, name, "log")) return;
    const body = content(log.body);
    this.#publish({
      name,
      time: millis(log.hrTime) ?? Date.now(),
      attributes,
      extra: body === undefined ? {} : { body },
      place,
      // What the span was bound by was looked at when it found its run.
      keys: {
        binding: record?.run && binding === record.binding ? undefined : binding,
        accepted: resolver.acceptedRunId(context),
      },
    });
  }

  #publish({ name, time, attributes, extra, place, keys }: NamedEvent): void {
    const { hub, places, chunks, lives, traces } = this.#parts;
    if (name.startsWith("bus.")) return hub.refuse("invalid");
    // Only a run that is bound or has events takes any name; names of agent conventions make one known.
    const ofAgents = name.startsWith("gen_ai.") || name.startsWith("agent.");
    const run = places.runAt(place, keys, (runId) => ofAgents || hub.run(runId)?.known === true);
    if (run === undefined) return;
    if (run === "sealed") return hub.refuse("sealed");
    const { record, traceId, ids } = place;
    const data: Readonly<Record<string, unknown>> = { ...this.#data(name, attributes), ...extra };
    const withheld = typeof attributes["text"] === "string" && data["text"] === undefined;
    chunks.publish(run, { runId: run.id, type: name, time, ...ids, data }, { withheld });
    if (!record?.kind) lives.touched(run, record?.trace ?? traces.trace(traceId));
  }

  #data(name: string, attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const { interpreter, content } = this.#parts;
    // Without a prototype `__proto__` is a name like any other.
    const data: Record<string, unknown> = Object.create(null);
    for (const key of Object.keys(attributes)) {
      if (key === "event.name") continue;
      const isContent = interpreter.isContent(key) || isContentField(name, key);
      data[key] = isContent ? content(attributes[key]) : attributes[key];
    }
    return data;
  }
}

/** An event found its run by them already. */
function keysOf({ run, ownBinding, acceptedRunId }: SpanRecord): Keys {
  return run ? NO_KEYS : { binding: ownBinding, accepted: acceptedRunId };
}

function exceptionOf(attributes: Readonly<Record<string, unknown>>): { type?: string; message?: string } {
  const { "exception.message": message, "exception.stacktrace": stack } = attributes;
  const type = exceptionType(attributes["exception.type"], stack);
  return { ...(typeof type === "string" && { type }), ...(typeof message === "string" && { message }) };
}

/** The SDK prefers an error's code to its name, also where that is the number of a `DOMException`. */
function exceptionType(told: unknown, stack: unknown): unknown {
  const name = typeof stack === "string" ? /^[A-Z]\w*/.exec(stack)?.[0] : undefined;
  if (told === "ABORT_ERR" || name === "AbortError") return "AbortError";
  return typeof told === "string" && /^\d+$/.test(told) ? (name ?? told) : told;
}

/** The same name on the same span by the other way was published already: bridges make that happen. */
function isRepeated(record: SpanRecord, name: string, way: "span" | "log"): boolean {
  record.named ??= new Map();
  let counts = record.named.get(name);
  if (!counts) {
    if (record.named.size >= 128) return false;
    counts = { span: 0, log: 0 };
    record.named.set(name, counts);
  }
  const published = Math.max(counts.span, counts.log);
  counts[way] += 1;
  return counts[way] <= published;
}
