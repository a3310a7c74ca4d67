import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import { encodeEvent } from "./event-json.js";

/** A comment that keeps proxies from cutting a quiet stream. */
export const heartbeatFrame = ": heartbeat\n\n";

/** Everything kept was sent; what follows is live. */
export const caughtUpFrame = "event: caught-up\ndata: {}\n\n";

/** One event. `resumable: false` leaves out the id, for streams of several runs: a cursor holds one run's place. */
export function eventFrame(event: BusEvent, { resumable = true }: { resumable?: boolean } = {}): string {
  const data = `data: ${encodeEvent(event)}\n\n`;
  return resumable ? idLine(event.id) + data : data;
}

/** What makes a frame a place to resume from. Ids are ASCII, so its length is its size in bytes. */
export function idLine(id: string): string {
  return `id: ${id}\n`;
}

/** The run is over. `id` is that of its last event, or has seq 0 if it had none. */
export function endFrame(id: string, end: SubscriptionEnd): string {
  return `${idLine(id)}event: end\ndata: ${JSON.stringify(end)}\n\n`;
}

/** One of the runs that share a stream is over. */
export function sharedEndFrame(runId: string, end: SubscriptionEnd): string {
  return `event: end\ndata: ${JSON.stringify({ runId, ...end })}\n\n`;
}
