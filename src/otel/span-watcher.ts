import { attempt } from "../bus/attempt.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Interpreter } from "../conventions/index.js";
import { countOf, watchSpan } from "./live-span.js";
import type { NamedEvents } from "./named-events.js";
import type { SpanLike, TimedEventLike } from "./signals.js";
import type { SpanPublisher } from "./span-publisher.js";
import type { SpanRecord } from "./span-record.js";

const resolved = Promise.resolve();

export interface SpanWatcherParts {
  readonly hub: EventHub;
  readonly interpreter: Interpreter;
  readonly publisher: SpanPublisher;
  readonly named: NamedEvents;
  /** Classifies the span that is held, so that events keep their order. */
  readonly flush: () => void;
}

/** Sees what happens to a span between its start and its end. */
export class SpanWatcher {
  readonly #parts: SpanWatcherParts;

  constructor(parts: SpanWatcherParts) {
    this.#parts = parts;
  }

  watch(record: SpanRecord, span: SpanLike): void {
    const { interpreter, publisher, named, flush } = this.#parts;
    this.readSpanEvents(record, span);
    watchSpan(span, {
      added: (event) => {
        if (!record.open) return;
        flush();
        record.spanEventsSeen += 1;
        this.#guard("addEvent", () => named.ofSpan(record, event));
      },
      set: (key, value) => {
        const { claim } = record;
        if (!record.open || !claim) return;
        if (interpreter.isWatched(key)) {
          record.late ??= {};
          record.late[key] = value;
        }
        if (!record.firstChunkSeen && interpreter.firstChunkAttribute(claim, key)) {
          const time = Date.now();
          // Calls that do not stream set it as well, and end before the next promise job.
          resolved.then(() => {
            if (!record.open) return;
            flush();
            this.#guard("setAttribute", () => publisher.firstChunk(record, time, undefined));
          });
        }
      },
    });
  }

  /** Span events that were added unseen: before the span was watched, or past its own methods. */
  readSpanEvents(record: SpanRecord, span: SpanLike): void {
    const events: readonly TimedEventLike[] | undefined = attempt(() => span.events, undefined);
    if (!Array.isArray(events) || events.length === 0) return;
    const total = countOf(span);
    const unseen = Math.min(total - record.spanEventsSeen, events.length);
    record.spanEventsSeen = total;
    for (const event of events.slice(events.length - unseen)) {
      this.#guard("span event", () => this.#parts.named.ofSpan(record, event));
    }
  }

  /** The span itself is the first chunk of the model call around it. */
  isFirstChunk(record: SpanRecord): void {
    for (const each of record.ancestors()) {
      if (each.kind === "agent.model") {
        this.#parts.publisher.firstChunk(each, record.startTime, undefined);
        return;
      }
      if (each.isLevel) return;
    }
  }

  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#parts.hub.report(what, error);
    }
  }
}
