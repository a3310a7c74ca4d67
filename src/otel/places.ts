import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import type { Binding } from "./binding.js";
import type { RunResolver } from "./run-resolver.js";
import { isNoId, type SpanContextLike } from "./signals.js";
import type { SpanRecord } from "./span-record.js";
import type { Trace, TraceTable } from "./trace-table.js";

/** Where something is said that is no span: an emitted event, a log event, a span event. */
export interface Place {
  readonly traceId: string | undefined;
  /** The span it is said in, if that was seen. */
  readonly record: SpanRecord | undefined;
  /** The event around that span, or the one that stands in for it. */
  readonly around: SpanRecord | undefined;
  /** Id of the sealed run that the span is in. */
  readonly sealedIn: string | undefined;
  readonly ids: {
    readonly traceId?: string | undefined;
    readonly spanId?: string | undefined;
    readonly parentSpanId?: string | undefined;
  };
}

/** What is known of the run at a place besides what is around. */
export interface Keys {
  readonly binding: Binding | undefined;
  /** The run id that came with baggage, where that is accepted. */
  readonly accepted: string | undefined;
}

const NOWHERE: Place = Object.freeze({
  traceId: undefined,
  record: undefined,
  around: undefined,
  sealedIn: undefined,
  ids: Object.freeze({}),
});

/** Finds in its trace what is around a span, seen or not, and the run of what is said in it. */
export class Places {
  readonly #hub: EventHub;
  readonly #traces: TraceTable;
  readonly #resolver: RunResolver;

  constructor(hub: EventHub, traces: TraceTable, resolver: RunResolver) {
    this.#hub = hub;
    this.#traces = traces;
    this.#resolver = resolver;
  }

  /** The place inside the span with these ids. */
  at(span: SpanContextLike | undefined, binding: Binding | undefined): Place {
    if (!span || isNoId(span.traceId)) return NOWHERE;
    const { traceId, spanId } = span;
    const trace = this.#traces.trace(traceId);
    const record = trace?.spans.get(spanId);
    if (record) return this.inside(record);
    const sealedIn = span.isRemote ? undefined : this.sealedIn(span);
    const around = trace && !span.isRemote && sealedIn === undefined ? this.standIn(trace, binding) : undefined;
    return { traceId, record, around, sealedIn, ids: { traceId, spanId, parentSpanId: around?.spanId } };
  }

  /** The place inside a span that was seen. */
  inside(record: SpanRecord): Place {
    const { trace, eventParent, refusedIn, ids } = record;
    return { traceId: trace.id, record, around: eventParent, sealedIn: refusedIn, ids };
  }

  /** The event that stands in for a span of this process that nobody saw, around the span of the id `below`. */
  standIn(trace: Trace, binding: Binding | undefined, below?: string): SpanRecord | undefined {
    return trace.innermostEvent(binding && this.#resolver.runOf(binding), below);
  }

  /** Id of the sealed run that a span was in of which nothing else is known. Who dropped that run dropped its seal. */
  sealedIn({ traceId, spanId }: SpanContextLike): string | undefined {
    const runId = this.#traces.sealedIn(traceId, spanId);
    return runId !== undefined && this.#hub.run(runId) ? runId : undefined;
  }

  /** The id of the run of a span that begins at the place. */
  runIdAt({ record, around, sealedIn, traceId }: Place, { binding, accepted }: Keys): string | undefined {
    const outer = record?.run?.id ?? sealedIn ?? around?.run?.id ?? record?.binding?.runId;
    return binding?.runId ?? accepted ?? outer ?? traceId;
  }

  /**
   * The run of what is said at the place. Undefined: there is none, or none that takes it, where only accepted baggage or the
   * trace says one and `takes` says no.
   */
  runAt(place: Place, { binding, accepted }: Keys, takes: (runId: string) => boolean): Run | "sealed" | undefined {
    const { record, around, sealedIn, traceId } = place;
    if (binding) return this.#resolver.bound(binding) ?? "sealed";
    if (record?.run) return record.run;
    if (accepted !== undefined) return takes(accepted) ? (this.#resolver.remote(accepted) ?? "sealed") : undefined;
    if (sealedIn !== undefined) return "sealed";
    if (around?.run) return around.run;
    if (record?.binding) return this.#resolver.bound(record.binding) ?? "sealed";
    if (traceId === undefined || !takes(traceId)) return undefined;
    return this.#resolver.unbound(traceId, record) ?? "sealed";
  }
}
