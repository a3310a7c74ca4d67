import type { RowResult } from "./measure.js";
import type { Goal, Lookup } from "./row.js";
import { median } from "./statistics.js";

/** What was got of a goal: the middle of the rounds, and the least and the most. */
export interface Outcome {
  readonly goal: Goal;
  readonly got: number;
  readonly least: number;
  readonly most: number;
  readonly met: boolean;
}

/** Ratios are taken within a round, so that a machine that is slow for a while is slow for both sides. */
export function outcomesOf(result: RowResult): Outcome[] {
  return result.row.goals.flatMap((goal) => {
    const values = roundsOf(result).flatMap((round) => {
      const value = goal.got(lookup(result, round));
      return Number.isFinite(value) ? [value] : [];
    });
    if (values.length === 0) return [];
    const got = median(values);
    const met = got <= (goal.atMost ?? Number.POSITIVE_INFINITY) && got >= (goal.atLeast ?? Number.NEGATIVE_INFINITY);
    return [{ goal, got, least: Math.min(...values), most: Math.max(...values), met }];
  });
}

/** What the first case took the second time, to the first: 1 but for noise. One for each figure. */
export function noiseOf(result: RowResult, figure: string): number[] {
  return roundsOf(result).flatMap((round) => {
    const ratio =
      (result.again.rounds[round]?.[figure] ?? Number.NaN) / lookup(result, round)(result.cases[0]?.name ?? "", figure);
    return Number.isFinite(ratio) ? [ratio] : [];
  });
}

function roundsOf({ cases }: RowResult): number[] {
  return Array.from({ length: Math.max(...cases.map(({ rounds }) => rounds.length)) }, (_, round) => round);
}

function lookup({ cases }: RowResult, round: number): Lookup {
  return (name, figure) => cases.find((each) => each.name === name)?.rounds[round]?.[figure] ?? Number.NaN;
}
