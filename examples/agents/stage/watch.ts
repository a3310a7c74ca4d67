import type { BusEvent, EventBus, Outcome } from "spanbus";
import { outline } from "../../outline.js";

/** What a reader of a run has seen, and how the run ended. */
export interface Watched {
  readonly events: readonly BusEvent[];
  readonly outcome: Outcome | undefined;
}

/** Reads a run, and prints it while it happens. */
export async function watch(bus: EventBus, runId: string): Promise<Watched> {
  const events: BusEvent[] = [];
  const lineOf = outline();
  const subscription = bus.subscribe(runId);
  for await (const event of subscription) {
    const line = `${runId.padEnd(8)} │ ${lineOf(event)}`;
    console.log(line.length > 110 ? `${line.slice(0, 109)}…` : line);
    events.push(event);
  }
  const { outcome } = await subscription.ended;
  return { events, outcome };
}
