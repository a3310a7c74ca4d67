import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import { encodeEvent } from "./event-json.js";

/** A comment that keeps proxies from cutting a quiet stream. */
export const heartbeatFrame = ": heartbeat\n\n";

/** Everything kept was sent; what follows is live. */
export const caughtUpFrame = "event: caught-up\ndata: {}\n\n";

/** One event. `resumable: false` leaves out the id, for streams of several runs: a cursor holds one run's place. */
export function eventFrame(event: BusEvent, { resumable = true }: { resumable?: boolean } = {}): string {
  const data = `data: ${encodeEvent(event)}\n\n`;
  return resumable ? `id: ${event.id}\n${data}` : data;
}

/** The run is over. `id` is that of its last event, or has seq 0 if it had none. */
export function endFrame(id: string, end: SubscriptionEnd): string {
  return `id: ${id}\nevent: end\ndata: ${JSON.stringify(end)}\n\n`;
}
