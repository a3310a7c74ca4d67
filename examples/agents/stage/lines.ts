import type { BusEvent, EventBus, Outcome } from "spanbus";
import { watch } from "./watch.js";

/** What a reader of a run has read, as lines to compare, and how the run ended. */
export interface RunLines {
  readonly lines: readonly string[];
  readonly outcome: Outcome | undefined;
}

/** Runs the function as a run, and watches it. An error must be one that is expected. */
export async function linesOf(
  bus: EventBus,
  runId: string,
  work: () => Promise<unknown>,
  isExpected: (error: unknown) => boolean = () => false,
): Promise<RunLines> {
  const watched = watch(bus, runId);
  await bus.run(runId, work).catch((error) => {
    if (!isExpected(error)) throw error;
  });
  const { events, outcome } = await watched;
  return { lines: linesFrom(events), outcome };
}

/** Settles when a reader of the run has seen such an event. What waits for it goes on only if the stream is live. */
export async function seen(bus: EventBus, runId: string, isIt: (event: BusEvent) => boolean): Promise<void> {
  for await (const event of bus.subscribe(runId)) if (isIt(event)) return;
  throw new Error(`run ${runId} ended too early`);
}

/** Words of each event, indented by the place of its span in the tree: `  tool.failed weather: no such city`. */
function linesFrom(events: readonly BusEvent[]): string[] {
  const depths = new Map<string | undefined, number>();
  return events.map(({ type, spanId, parentSpanId, data }) => {
    const depth = depths.get(spanId) ?? (depths.get(parentSpanId) ?? -1) + 1;
    depths.set(spanId, depth);
    const { toolName, agentName, inputTokens, outputTokens, reason, from, to, error } = data as LineData;
    const isAbout = type.startsWith("agent.tool.")
      ? toolName
      : type.startsWith("agent.invocation.")
        ? agentName
        : reason;
    const words = [
      type.replace(/^agent\./, ""),
      isAbout,
      inputTokens === undefined ? undefined : `${inputTokens}+${outputTokens ?? 0}`,
      from === undefined ? undefined : `${from} -> ${to}`,
    ];
    const line = words.filter((word) => word !== undefined).join(" ");
    return `${"  ".repeat(depth)}${line}${error ? `: ${error.message}` : ""}`;
  });
}

interface LineData {
  readonly toolName?: string;
  readonly agentName?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly reason?: string;
  readonly from?: string;
  readonly to?: string;
  readonly error?: { readonly message: string };
}
