import type { SpanRecord } from "./span-record.js";

/**
 * Spans of sealed runs, the newest so many or at least half as many: what begins below one later is of that run, and refused,
 * not of another. Those of a run that is called like their trace need not be here, since what is below them falls to that
 * run by itself.
 */
export class SealedSpans {
  readonly #half: number;
  /** Two that take turns: to look for the oldest of one costs much more. */
  #newer = new Map<string, string>();
  #older = new Map<string, string>();

  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }

  add({ trace, spanId }: SpanRecord, runId: string): void {
    if (this.#newer.size >= this.#half) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(keyOf(trace.id, spanId), runId);
  }

  runId(traceId: string, spanId: string): string | undefined {
    if (this.#newer.size === 0) return undefined;
    const key = keyOf(traceId, spanId);
    return this.#newer.get(key) ?? this.#older.get(key);
  }

  clear(): void {
    this.#newer = new Map();
    this.#older = new Map();
  }
}

/** Ids of spans are unique within a trace only. */
function keyOf(traceId: string, spanId: string): string {
  return `${traceId} ${spanId}`;
}
