import type { BusEvent } from "../bus/event.js";
import type { Client } from "../client/index.js";

/** What to look for in the histories of all runs. */
export interface KeptQuery {
  /** Events from this time on, in milliseconds since the Unix epoch. */
  readonly from: number;
  /** Of these runs: what came behind this event. */
  readonly after: ReadonlyMap<string, string>;
}

/** What is kept of all runs, in the order in which it happened. Runs that are forgotten meanwhile are left out. */
export async function keptEvents(client: Client, { from, after }: KeptQuery): Promise<BusEvent[]> {
  const histories: (readonly BusEvent[])[] = [];
  for (const { runId, lastTime } of [...(await client.runs())].reverse()) {
    if (lastTime < from && !after.has(runId)) continue;
    const lastId = after.get(runId);
    const events = await client.history(runId, lastId === undefined ? {} : { after: lastId }).catch(noneIfForgotten);
    histories.push(lastId === undefined ? events.filter(({ time }) => time >= from) : events);
  }
  return merged(histories);
}

function noneIfForgotten(error: unknown): readonly BusEvent[] {
  if ((error as { status?: unknown }).status === 404) return [];
  throw error;
}

/** By time, of the same time in the order given, except that a run keeps the order of its own: its times may jump back. */
function merged(histories: readonly (readonly BusEvent[])[]): BusEvent[] {
  const placed = histories.flatMap((events) => {
    let latest = 0;
    return events.map((event) => {
      latest = Math.max(latest, event.time);
      return { event, at: latest };
    });
  });
  return placed.sort((one, other) => one.at - other.at).map(({ event }) => event);
}
