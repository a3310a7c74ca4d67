import type { RunInfo } from "../bus/run.js";

const names = [
  "modelCalls",
  "toolCalls",
  "failedToolCalls",
  "inputTokens",
  "outputTokens",
  "openSpans",
] as const satisfies readonly (keyof RunInfo)[];

/** What producers of a run count, each for itself. */
export type Totals = Pick<RunInfo, (typeof names)[number]>;

/** What one producer counted, as a field of the run says it. */
export function totalsLine(relay: string, totals: Totals & Pick<RunInfo, "owned">): string {
  return [relay, ...names.map((name) => totals[name]), ...(totals.owned ? ["o"] : [])].join(" ");
}

/** The sum over all producers. Spans of one that is gone are not open any more. */
export function sumOfTotals(lines: readonly string[], isAlive: (relay: string) => boolean): Totals {
  const sum = { modelCalls: 0, toolCalls: 0, failedToolCalls: 0, inputTokens: 0, outputTokens: 0, openSpans: 0 };
  for (const line of lines) {
    const [relay = "", ...counts] = line.split(" ");
    for (const [index, name] of names.entries()) {
      if (name !== "openSpans" || isAlive(relay)) sum[name] += Number(counts[index] ?? 0);
    }
  }
  return sum;
}
