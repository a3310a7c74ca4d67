import type { BusEvent } from "../bus/event.js";

/** What is at work. */
export interface Begun {
  readonly operation: string;
  readonly agentName: string | undefined;
  readonly toolName: unknown;
}

/** An operation that began and is not yet over. */
export interface OpenOperation extends Begun {
  readonly parentSpanId: string | undefined;
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
  began({ runId, spanId, parentSpanId }: BusEvent, begun: Begun): boolean {
    if (spanId === undefined) return false;
    const spans = this.#runs.get(runId) ?? new Map<string, OpenOperation>();
    this.#runs.set(runId, spans);
    if (spans.has(spanId) || spans.size === MAX_OPEN) return false;
    const opened = { ...begun, parentSpanId, wraps: false, firstChunkMillis: undefined };
    spans.set(spanId, opened);
    if (begun.operation !== "invocation") this.#markWrapper(spans, opened);
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

  /** The nearest of the same kind around it only wraps it, unless an agent or another tool is between. */
  #markWrapper(spans: ReadonlyMap<string, OpenOperation>, { operation, toolName, parentSpanId }: OpenOperation): void {
    let parentId = parentSpanId;
    for (let depth = 0; parentId !== undefined && depth < MAX_DEPTH; depth += 1) {
      const parent = spans.get(parentId);
      if (!parent) return;
      if (parent.operation === operation && parent.toolName === toolName) {
        parent.wraps = true;
        return;
      }
      if (parent.operation === "invocation" || parent.operation === "tool") return;
      parentId = parent.parentSpanId;
    }
  }
}
