import type { BusEvent } from "../bus/event.js";

const MAX_RUNS = 1000;
const MAX_SPANS = 10_000;
/** Deeper is shown no deeper. */
const MAX_DEPTH = 24;

/** How deep events stand in the trees of their runs. Remembers so many runs and spans of each, the newest. */
export class Depths {
  readonly #runs = new Map<string, Map<string, number>>();

  /** Depth of an event, from 0. Takes note of its span. */
  of({ runId, spanId, parentSpanId, type }: BusEvent): number {
    if (type === "bus.run.closed") this.#runs.delete(runId);
    if (spanId === undefined) return 0;
    const spans = this.#spansOf(runId);
    const known = spans.get(spanId);
    if (known !== undefined) return known;
    const around = parentSpanId === undefined ? undefined : spans.get(parentSpanId);
    const depth = around === undefined ? 0 : Math.min(around + 1, MAX_DEPTH);
    spans.set(spanId, depth);
    forgetOldest(spans, MAX_SPANS);
    return depth;
  }

  #spansOf(runId: string): Map<string, number> {
    const spans = this.#runs.get(runId) ?? new Map<string, number>();
    this.#runs.delete(runId);
    this.#runs.set(runId, spans);
    forgetOldest(this.#runs, MAX_RUNS);
    return spans;
  }
}

function forgetOldest(map: Map<string, unknown>, max: number): void {
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
