import { eventId, parseCursor } from "./cursor.js";
import type { BusEvent, GapReason } from "./event.js";
import { controlEvent } from "./make-event.js";
import type { Run } from "./run.js";

/** What a new reader gets before the live events. */
export interface Replay {
  /** Told first, where its cursor cannot be met. */
  readonly gap?: BusEvent;
  readonly events: readonly BusEvent[];
}

/** The events behind `after`: nothing for `"live"`, everything kept for none or for one that cannot be placed. */
export function replayOf(run: Run, after: string | undefined): Replay {
  if (after === "live") return { events: [] };
  if (after === undefined) return { events: run.history.all() };
  const cursor = parseCursor(after);
  const firstSeq = run.history.firstSeq ?? run.seq + 1;
  if (cursor?.generation !== run.generation || cursor.seq > run.seq) {
    return { gap: gap(run, firstSeq, firstSeq - 1, "generation", after), events: run.history.all() };
  }
  const events = run.history.after(cursor.seq);
  const missed = firstSeq - 1 - cursor.seq;
  return missed > 0 ? { gap: gap(run, firstSeq, missed, "evicted", after), events } : { events };
}

function gap(run: Run, firstSeq: number, missed: number, reason: GapReason, resumeAfter: string): BusEvent {
  return controlEvent(eventId(run.generation, firstSeq - 1), run.id, "bus.gap", { missed, reason, resumeAfter });
}
