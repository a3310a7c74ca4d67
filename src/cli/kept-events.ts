import type { BusEvent } from "../bus/event.js";
import type { RunInfo } from "../bus/run.js";
import { type Client, EndpointError } from "../client/index.js";
import { hasAddress } from "./run-id.js";

/** What to look for in the histories of all runs. */
export interface KeptQuery {
  readonly runs: readonly RunInfo[];
  /** From where to read a run: behind an event, or all that is kept. Undefined: not at all. */
  readonly start: (run: RunInfo) => { readonly after?: string } | undefined;
  /** Told of a run that cannot be read; the others are. */
  readonly onSkipped: (runId: string, reason: string) => void;
}

/** What is kept of these runs, in the order in which it happened. Runs that are forgotten meanwhile are left out. */
export async function keptEvents(client: Client, { runs, start, onSkipped }: KeptQuery): Promise<BusEvent[]> {
  const histories: (readonly BusEvent[])[] = [];
  for (const run of [...runs].reverse()) {
    const from = start(run);
    if (!from) continue;
    const { runId } = run;
    if (!hasAddress(runId)) {
      onSkipped(runId, "no address can hold its id");
      continue;
    }
    try {
      histories.push(await client.history(runId, from));
    } catch (error) {
      // What concerns one run is no reason to leave out the others; what concerns the endpoint is.
      if (!(error instanceof EndpointError) || error.isPassing) throw error;
      if (error.status !== 404 || !error.isProblem) onSkipped(runId, error.message);
    }
  }
  return merged(histories);
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
