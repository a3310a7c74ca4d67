import type { SpanRecord } from "./span-record.js";

/**
 * Spans of sealed runs, the newest so many: what begins below one later is of that run, and refused, not of another. Those of
 * a run that is called like their trace need not be here, since what is below them falls to that run by itself.
 */
export class SealedSpans {
  readonly #limit: number;
  readonly #runIds = new Map<string, string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  add({ trace, spanId }: SpanRecord, runId: string): void {
    this.#runIds.set(keyOf(trace.id, spanId), runId);
    if (this.#runIds.size <= this.#limit) return;
    const [oldest] = this.#runIds.keys();
    if (oldest !== undefined) this.#runIds.delete(oldest);
  }

  runId(traceId: string, spanId: string): string | undefined {
    return this.#runIds.size === 0 ? undefined : this.#runIds.get(keyOf(traceId, spanId));
  }

  clear(): void {
    this.#runIds.clear();
  }
}

/** Ids of spans are unique within a trace only. */
function keyOf(traceId: string, spanId: string): string {
  return `${traceId} ${spanId}`;
}
