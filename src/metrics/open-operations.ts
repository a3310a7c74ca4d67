import type { BusEvent } from "../bus/event.js";

/** An operation that began and is not yet over. */
export interface OpenOperation {
  readonly operation: string;
  readonly parentSpanId: string | undefined;
  readonly agentName: string | undefined;
  /** One of the same kind below it does the work: that one is measured. */
  wraps: boolean;
  firstChunkMillis: unknown;
}

/** Operations followed in one run. */
const MAX_OPEN = 10_000;
/** Deepest nesting looked at, should parents go in a circle. */
const MAX_DEPTH = 64;

/** The operations at work, by run and span. */
export class OpenOperations {
  readonly #runs = new Map<string, Map<string, OpenOperation>>();
  readonly #agentLeft: (agentName: string | undefined) => void;

  constructor(agentLeft: (agentName: string | undefined) => void) {
    this.#agentLeft = agentLeft;
  }

  /** False if it can't be told apart from others, or began before. */
  began({ runId, spanId, parentSpanId }: BusEvent, operation: string, agentName: string | undefined): boolean {
    if (spanId === undefined) return false;
    const spans = this.#runs.get(runId) ?? new Map<string, OpenOperation>();
    this.#runs.set(runId, spans);
    if (spans.has(spanId) || spans.size === MAX_OPEN) return false;
    spans.set(spanId, { operation, parentSpanId, agentName, wraps: false, firstChunkMillis: undefined });
    if (operation !== "invocation") this.#markWrapper(spans, operation, parentSpanId);
    return true;
  }

  firstChunk({ runId, spanId = "" }: BusEvent, millis: unknown): void {
    const span = this.#runs.get(runId)?.get(spanId);
    if (span) span.firstChunkMillis = millis;
  }

  ended({ runId, spanId = "" }: BusEvent): OpenOperation | undefined {
    const spans = this.#runs.get(runId);
    const span = spans?.get(spanId);
    if (!spans || !span) return undefined;
    spans.delete(spanId);
    if (spans.size === 0) this.#runs.delete(runId);
    this.#left(span);
    return span;
  }

  /** The run is over, also for operations whose end was not told. */
  forget(runId: string): void {
    for (const span of this.#runs.get(runId)?.values() ?? []) this.#left(span);
    this.#runs.delete(runId);
  }

  forgetAll(): void {
    for (const runId of [...this.#runs.keys()]) this.forget(runId);
  }

  #left({ operation, agentName }: OpenOperation): void {
    if (operation === "invocation") this.#agentLeft(agentName);
  }

  /** The nearest of the same kind around it only wraps it, unless an agent or a tool is between. */
  #markWrapper(spans: ReadonlyMap<string, OpenOperation>, operation: string, parentSpanId?: string): void {
    let parentId = parentSpanId;
    for (let depth = 0; parentId !== undefined && depth < MAX_DEPTH; depth += 1) {
      const parent = spans.get(parentId);
      if (parent?.operation === operation) parent.wraps = true;
      if (!parent || parent.operation === operation) return;
      if (parent.operation === "invocation" || parent.operation === "tool") return;
      parentId = parent.parentSpanId;
    }
  }
}
