import { type Context, context as contextApi, trace as traceApi } from "@opentelemetry/api";
import type { BusEvent, EventType } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { bindingOf } from "./binding.js";
import type { Chunks } from "./chunks.js";
import type { RunLives } from "./run-life.js";
import type { RunResolver } from "./run-resolver.js";
import { isNoId, type SpanContextLike } from "./signals.js";
import type { SpanRecord } from "./span-record.js";
import type { TraceTable } from "./trace-table.js";

interface Surroundings {
  readonly hub: EventHub;
  readonly chunks: Chunks;
  readonly resolver: RunResolver;
  readonly lives: RunLives;
  readonly traces: TraceTable;
}

/** Where an event without a span of its own belongs. */
interface Place {
  readonly run: Run | undefined;
  readonly ids: {
    readonly traceId?: string | undefined;
    readonly spanId?: string | undefined;
    readonly parentSpanId?: string | undefined;
  };
}

/** Where the code that runs stands: in which run, and below which span. */
export class Here {
  readonly #hub: EventHub;
  readonly #chunks: Chunks;
  readonly #resolver: RunResolver;
  readonly #lives: RunLives;
  readonly #traces: TraceTable;

  constructor({ hub, chunks, resolver, lives, traces }: Surroundings) {
    this.#hub = hub;
    this.#chunks = chunks;
    this.#resolver = resolver;
    this.#lives = lives;
    this.#traces = traces;
  }

  /** The run id that a span started here would get. */
  currentRunId(active: Context = contextApi.active()): string | undefined {
    const binding = bindingOf(active);
    if (binding) return binding.runId;
    const remote = this.#resolver.acceptedRunId(active);
    if (remote !== undefined) return remote;
    const { record, spanContext } = this.#activeSpan(active);
    return record?.runAround?.id ?? record?.binding?.runId ?? spanContext?.traceId;
  }

  /** The run that one begun here stands in. The trace of spans that are no events is no run. */
  runAround(): string | undefined {
    const active = contextApi.active();
    const runId = this.currentRunId(active);
    const isTrace = runId === this.#activeSpan(active).spanContext?.traceId;
    return runId === undefined || (isTrace && !this.#hub.run(runId)?.known) ? undefined : runId;
  }

  /** Publishes under the current run, with the ids of the active span. */
  emit(type: EventType, data: object | undefined): BusEvent | undefined {
    const { run, ids } = this.#place();
    if (!run) return this.#hub.refuse(this.currentRunId() === undefined ? "unkeyed" : "sealed");
    const event = this.#chunks.publish(run, { runId: run.id, type, data, ...ids });
    this.#lives.touched(run, this.#traces.trace(ids.traceId));
    return event;
  }

  /** Where an event emitted here belongs. */
  #place(active: Context = contextApi.active()): Place {
    const { record, spanContext } = this.#activeSpan(active);
    const ids = record?.ids ?? (spanContext ? { traceId: spanContext.traceId, spanId: spanContext.spanId } : {});
    const binding = bindingOf(active);
    if (binding) return { run: this.#resolver.bound(binding), ids };
    const around = record?.runAround;
    if (around) return { run: around, ids };
    if (record?.binding) return { run: this.#resolver.bound(record.binding), ids };
    const remote = this.#resolver.acceptedRunId(active);
    if (remote !== undefined) return { run: this.#resolver.remote(remote), ids };
    const runId = spanContext?.traceId;
    return { run: runId === undefined ? undefined : this.#resolver.unbound(runId, record), ids };
  }

  /** The generation that `publish` under this id goes to, when it is bound here. */
  bound(runId: string | undefined): Run | undefined | "unbound" {
    const binding = bindingOf(contextApi.active());
    return binding && binding.runId === runId ? this.#resolver.bound(binding) : "unbound";
  }

  /** The generation that is bound here, while it is still behind a sealed one. */
  next(runId: string): Run | undefined {
    const sealed = this.#hub.run(runId);
    if (sealed?.state !== "closed") return undefined;
    const bound = this.bound(runId);
    return bound === "unbound" || bound === sealed ? undefined : bound;
  }

  #activeSpan(active: Context): { record?: SpanRecord | undefined; spanContext?: SpanContextLike | undefined } {
    const spanContext = traceApi.getSpanContext(active);
    if (!spanContext || isNoId(spanContext.traceId)) return {};
    return { spanContext, record: this.#traces.find(spanContext.traceId, spanContext.spanId) };
  }
}
