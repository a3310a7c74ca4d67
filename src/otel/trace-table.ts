import { flat } from "../bus/bounded-json.js";
import { RecencyList } from "../bus/recency-list.js";
import type { Run } from "../bus/run.js";
import type { RunLife } from "./run-life.js";
import { SealedSpans } from "./sealed-spans.js";
import type { SpanRecord } from "./span-record.js";
import { UnseenSpans } from "./unseen-spans.js";

/** Ended events that may stand among the open ones before they are looked for. */
const MANY_ENDED = 64;

/** The spans of one trace that are open, or that late children may still name as their parent. */
export class Trace {
  readonly id: string;
  readonly spans = new Map<string, SpanRecord>();
  /** Spans open; of them those without a parent in this process. */
  open = 0;
  openRoots = 0;
  /** Its parentless span started in this process. */
  owned = false;
  /** Open runs that have events from it. */
  readonly lives = new Set<RunLife>();
  #openEvents: SpanRecord[] = [];
  #unseen: UnseenSpans | undefined;

  constructor(id: string) {
    this.id = flat(id);
  }

  /** Those that nobody saw so far. */
  get unseen(): UnseenSpans {
    this.#unseen ??= new UnseenSpans(this);
    return this.#unseen;
  }

  eventOpened(record: SpanRecord): void {
    this.#openEvents.push(record);
  }

  /** Lets go of what ended: a long trace goes through very many, not always the newest first. */
  eventEnded(): void {
    while (this.#openEvents.at(-1)?.open === false) this.#openEvents.pop();
    if (this.#openEvents.length > 2 * this.open + MANY_ENDED)
      this.#openEvents = this.#openEvents.filter((event) => event.open);
  }

  /** The innermost open event, where all are of one run; else that of this run. None that began in the span of this id. */
  innermostEvent(run: Run | undefined, spanId?: string): SpanRecord | undefined {
    this.eventEnded();
    const innermost = this.#openEvents.at(-1);
    const place = spanId === undefined ? undefined : this.#unseen?.at(spanId);
    if (!innermost || (this.lives.size <= 1 && !place)) return innermost;
    const around = this.#openEvents.filter((event) => event.open && !(place && event.isBelow(place)));
    if (around.every((event) => event.run === around.at(-1)?.run)) return around.at(-1);
    return run && around.findLast((event) => event.run === run);
  }
}

/** All traces that are under way, bounded: at most so many open spans, and as many ended ones. */
export class TraceTable {
  readonly #limit: number;
  readonly #traces = new Map<string, Trace>();
  readonly #open = new RecencyList<SpanRecord>();
  readonly #ended = new RecencyList<SpanRecord>();
  readonly #sealed: SealedSpans;

  constructor(limit: number) {
    this.#limit = limit;
    this.#sealed = new SealedSpans(limit);
  }

  trace(traceId: string | undefined): Trace | undefined {
    return traceId === undefined ? undefined : this.#traces.get(traceId);
  }

  find(traceId: string, spanId: string): SpanRecord | undefined {
    return this.trace(traceId)?.spans.get(spanId);
  }

  /** Id of the sealed run that a span was in which is no link any more. */
  sealedIn(traceId: string, spanId: string): string | undefined {
    return this.#sealed.runId(traceId, spanId);
  }

  /** The trace, made known if it is not. */
  enter(traceId: string): Trace {
    let trace = this.trace(traceId);
    if (!trace) {
      trace = new Trace(traceId);
      this.#traces.set(traceId, trace);
    }
    return trace;
  }

  add(record: SpanRecord): void {
    const { trace } = record;
    trace.spans.set(record.spanId, record);
    this.#open.touch(record.place);
    trace.open += 1;
    if (record.isLocalRoot) trace.openRoots += 1;
  }

  /** The oldest open span, when there are more than allowed. */
  get surplus(): SpanRecord | undefined {
    return this.#open.size > this.#limit ? this.#open.oldest : undefined;
  }

  get openSpans(): SpanRecord[] {
    return [...this.#open.oldestFirst()];
  }

  /** The span is over. What belongs to a run stays as a link for late children. */
  end(record: SpanRecord): void {
    const { trace } = record;
    if (!record.open) return;
    record.open = false;
    trace.open -= 1;
    if (record.isLocalRoot) trace.openRoots -= 1;
    if (record.kind) trace.eventEnded();
    this.#open.remove(record.place);
    if (record.kind || record.eventParent || record.binding) {
      this.#ended.touch(record.place);
      while (this.#ended.size > this.#limit) this.#forget(this.#ended.oldest);
    } else this.#unlink(record);
  }

  /** Forgets a trace in which nothing is under way: a long run may go through very many. */
  leave(trace: Trace): void {
    if (trace.open > 0 || (trace.lives.size > 0 && trace.spans.size > 0)) return;
    for (const life of trace.lives) life.traces.delete(trace);
    trace.lives.clear();
    for (const record of trace.spans.values()) this.#letGo(record);
    trace.spans.clear();
    if (this.#traces.get(trace.id) === trace) this.#traces.delete(trace.id);
  }

  /** No run goes on in the trace: its ended spans are no links any more, also when one never ends. */
  forgetEnded(trace: Trace): void {
    if (trace.open === 0 || trace.lives.size > 0) return;
    for (const record of trace.spans.values()) if (!record.open) this.#unlink(record);
  }

  clear(): void {
    for (const trace of this.#traces.values()) {
      for (const record of trace.spans.values()) {
        record.open = false;
        this.#open.remove(record.place);
        this.#ended.remove(record.place);
      }
    }
    this.#traces.clear();
    this.#sealed.clear();
  }

  #forget(record: SpanRecord | undefined): void {
    if (!record) return;
    this.#unlink(record);
    this.leave(record.trace);
  }

  #unlink(record: SpanRecord): void {
    this.#letGo(record);
    record.trace.spans.delete(record.spanId);
    record.forget();
  }

  #letGo(record: SpanRecord): void {
    this.#ended.remove(record.place);
    const runId = record.sealedIn;
    if (runId !== undefined && runId !== record.trace.id) this.#sealed.add(record, runId);
  }
}
