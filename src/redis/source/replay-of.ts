import { parseCursor } from "../../bus/cursor.js";
import type { BusEvent } from "../../bus/event.js";
import type { Replay } from "../../bus/replay.js";
import { eventOf, gap } from "./remote-event.js";
import { type Standing, unknownEpoch } from "./standing.js";

/** Of a run that is not known. */
const nothing: Pick<Standing, "epoch" | "seq" | "lost" | "entries"> = {
  epoch: unknownEpoch,
  seq: 0,
  lost: 0,
  entries: [],
};

/** What a reader that resumes behind `after` gets first: what is kept, then `recent`, which came since Redis was asked. */
export function replayOf(
  runId: string,
  standing: Standing | undefined,
  recent: readonly BusEvent[],
  after: string | undefined,
): Replay {
  if (after === "live") return { events: recent };
  const { seq, lost, epoch, entries } = standing ?? nothing;
  const kept = entries.flatMap((entry) => eventOf(runId, epoch, entry.seq, entry.line) ?? []);
  const events = [...kept, ...recent];
  if (after === undefined) return { events };
  const cursor = parseCursor(after);
  const isPlaced = cursor?.generation === epoch && cursor.seq <= seq;
  const missed = isPlaced ? lost - cursor.seq : lost;
  if (isPlaced && missed <= 0) return { events };
  const reason = isPlaced ? "evicted" : "generation";
  return { gap: gap(runId, epoch, lost, { missed, reason, resumeAfter: after }), events };
}
