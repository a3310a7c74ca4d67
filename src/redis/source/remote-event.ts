import { eventId } from "../../bus/cursor.js";
import type { BusEvent, GapData } from "../../bus/event.js";
import { controlEvent } from "../../bus/make-event.js";
import { decodeEvent } from "../../wire/event-json.js";
import type { Line } from "../batch.js";

/** What a reader gets of a line; undefined for one that is no event. `seq` is that of its latest event. */
export function eventOf(runId: string, epoch: string, seq: number, { kind, text }: Line): BusEvent | undefined {
  if (kind === "l") return gap(runId, epoch, seq, { missed: Number(text), reason: "cut" });
  if (kind !== "e" && kind !== "t") return undefined;
  return decodeEvent(`{"id":"${eventId(epoch, seq)}","seq":${seq},${text.slice(1)}`);
}

/** Its id is that of the last missed event. */
export function gap(runId: string, epoch: string, seq: number, data: GapData): BusEvent {
  return controlEvent(eventId(epoch, seq), runId, "bus.gap", data);
}
