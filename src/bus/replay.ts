import { eventId, MAX_ID_LENGTH, parseCursor } from "./cursor.js";
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
  const { history } = run;
  if (cursor?.generation !== run.generation || cursor.seq > run.seq) {
    // What is longer than any id is none, and would make the gap as long.
    const known = after.length <= MAX_ID_LENGTH ? after : undefined;
    return { gap: gap(run, history.lostSeq, "generation", known), events: history.all() };
  }
  const events = history.after(cursor.seq);
  const missed = history.lostSeq - cursor.seq;
  return missed > 0 ? { gap: gap(run, missed, "evicted", after), events } : { events };
}

function gap(run: Run, missed: number, reason: GapReason, resumeAfter: string | undefined): BusEvent {
  const id = eventId(run.generation, run.history.lostSeq);
  return controlEvent(id, run.id, "bus.gap", { missed, reason, ...(resumeAfter !== undefined && { resumeAfter }) });
}
