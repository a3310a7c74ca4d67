import type { CaseResult, RowResult } from "./measure.js";
import { noiseOf, type Outcome, outcomesOf } from "./outcome.js";
import { median } from "./statistics.js";

/** The figures of a row and what they say to its goals, as Markdown. */
export function tablesOf(result: RowResult): string {
  return [casesTable(result), goalsTable(outcomesOf(result))].filter((table) => table !== "").join("\n\n");
}

function casesTable({ row, runtime, cases, again, ...rest }: RowResult): string {
  const figures = Object.keys(row.figures);
  const compares = cases.some(({ less }) => less !== undefined);
  const head = [`Node ${runtime.version}`, ...Object.values(row.figures), ...(compares ? ["does less work"] : [])];
  const lines = [...cases.slice(0, 1), again, ...cases.slice(1)].map((each) => [
    each.name,
    ...(each.failure === undefined ? figures.map((figure) => range(each, figure)) : figures.map(() => "out")),
    ...(compares ? [each.failure ?? each.less ?? ""] : []),
  ]);
  const noise = figures.map((figure) => spread(noiseOf({ row, runtime, cases, again, ...rest }, figure)));
  lines.splice(2, 0, ["once more / first", ...noise, ...(compares ? [""] : [])]);
  return table(head, lines);
}

function goalsTable(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return "";
  return table(
    ["row", "goal", "asked", "got", ""],
    outcomes.map((outcome) => [outcome.goal.row, outcome.goal.says, asked(outcome), got(outcome), met(outcome)]),
  );
}

/** Every goal in one table, with a column for each version of Node. */
export function summaryOf(results: readonly RowResult[]): string {
  const majors = [...new Set(results.map(({ runtime }) => runtime.major))];
  const lines = new Map<string, { cells: string[]; got: Map<number, string> }>();
  for (const result of results) {
    for (const outcome of outcomesOf(result)) {
      const cells = [outcome.goal.row, `${result.row.title}: ${outcome.goal.says}`, asked(outcome)];
      const line = lines.get(cells.join()) ?? { cells, got: new Map<number, string>() };
      line.got.set(result.runtime.major, `${number(outcome.got)} ${met(outcome)}`);
      lines.set(cells.join(), line);
    }
  }
  return table(
    ["row", "goal", "asked", ...majors.map((major) => `Node ${major}`)],
    [...lines.values()].map(({ cells, got: by }) => [...cells, ...majors.map((major) => by.get(major) ?? "")]),
  );
}

function asked({ goal: { atMost, atLeast, unit } }: Outcome): string {
  const suffix = unit === undefined ? "×" : ` ${unit}`.trimEnd();
  return atMost !== undefined ? `≤ ${atMost}${suffix}` : `≥ ${atLeast}${suffix}`;
}

function got({ got: middle, least, most }: Outcome): string {
  return `${number(middle)} (${number(least)}–${number(most)})`;
}

function met(outcome: Outcome): string {
  return outcome.met ? "met" : "**missed**";
}

function range({ rounds }: CaseResult, figure: string): string {
  return spread(rounds.flatMap((round) => round[figure] ?? []));
}

/** The middle, the least and the most. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return "";
  return `${number(median(values))} (${number(Math.min(...values))}–${number(Math.max(...values))})`;
}

/** Three digits are more than a machine repeats. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...lines.map(line)].join("\n");
}
