import { attempt } from "../bus/attempt.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Interpreter } from "../conventions/index.js";
import { isLevel } from "./below.js";
import { attachTo, countOf, type LiveWatcher, watchersOf, watchSpan } from "./live-span.js";
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

  /** Takes note of the span; of one that is an event it is then known should it end once more. */
  see(record: SpanRecord, span: SpanLike, asEvent: boolean): void {
    attachTo(span, new WatchedRecord(this, record, asEvent));
  }

  /** Whether the span was an event: one that ends without a record was given up, unless it was never seen. */
  hasSeen(span: SpanLike): boolean {
    return watchersOf(span).some((each) => isMine(each, this) && each.asEvent);
  }

  /** Follows a span that was taken note of. */
  watch(record: SpanRecord, span: SpanLike): void {
    this.readSpanEvents(record, span);
    watchSpan(span, record.claim !== undefined && this.#parts.interpreter.tellsTokens(record.claim));
  }

  added(record: SpanRecord, event: TimedEventLike): void {
    if (!record.open) return;
    this.#parts.flush();
    record.spanEventsSeen += 1;
    this.#guard("addEvent", () => this.#parts.named.ofSpan(record, event));
  }

  set(record: SpanRecord, key: string, value: unknown): void {
    const { interpreter, publisher, flush } = this.#parts;
    const { claim } = record;
    if (!record.open || !claim) return;
    if (interpreter.isWatched(key)) {
      record.late ??= {};
      record.late[key] = value;
    }
    if (record.firstChunkSeen || !interpreter.firstChunkAttribute(claim, key)) return;
    const time = Date.now();
    // Calls that do not stream set it as well, and end before the next promise job.
    resolved.then(() => {
      if (!record.open) return;
      flush();
      this.#guard("setAttribute", () => publisher.firstChunk(record, time, undefined));
    });
  }

  /** Also where they cannot be counted. */
  hasSpanEvents(span: SpanLike): boolean {
    try {
      return countOf(span) > 0;
    } catch {
      return true;
    }
  }

  /** Span events that were added unseen: before the span was watched, or past its own methods. */
  readSpanEvents(record: SpanRecord, span: SpanLike): void {
    if (!this.hasSpanEvents(span)) return;
    for (const event of attempt(() => unseenEvents(record, span), [])) {
      this.#guard("span event", () => this.#parts.named.ofSpan(record, event));
    }
  }

  /** The span itself is the first chunk of the model call around it. */
  isFirstChunk(record: SpanRecord): void {
    for (let each = record.eventParent; each; each = each.eventParent) {
      if (each.kind === "agent.model") {
        this.#parts.publisher.firstChunk(each, record.startTime, undefined);
        return;
      }
      if (isLevel(each.kind)) return;
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

/** Says of which record a span is. */
class WatchedRecord implements LiveWatcher {
  readonly watcher: SpanWatcher;
  readonly record: SpanRecord;
  readonly asEvent: boolean;

  constructor(watcher: SpanWatcher, record: SpanRecord, asEvent: boolean) {
    this.watcher = watcher;
    this.record = record;
    this.asEvent = asEvent;
  }

  added(event: TimedEventLike): void {
    this.watcher.added(this.record, event);
  }

  set(key: string, value: unknown): void {
    this.watcher.set(this.record, key, value);
  }
}

function unseenEvents(record: SpanRecord, span: SpanLike): readonly TimedEventLike[] {
  const { events } = span;
  if (!Array.isArray(events) || events.length === 0) return [];
  const total = countOf(span);
  const unseen = Math.min(total - record.spanEventsSeen, events.length);
  record.spanEventsSeen = total;
  return events.slice(events.length - unseen);
}

/** Other buses may watch the same span. */
function isMine(each: LiveWatcher, watcher: SpanWatcher): each is WatchedRecord {
  return each instanceof WatchedRecord && each.watcher === watcher;
}
