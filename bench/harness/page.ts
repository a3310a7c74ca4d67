import { readFileSync, writeFileSync } from "node:fs";
import { chartOf } from "./chart.js";
import type { RowResult } from "./measure.js";
import { summaryOf, tablesOf } from "./tables.js";

const page = new URL("../../docs/PERFORMANCE.md", import.meta.url);
const chart = new URL("../../docs/performance.svg", import.meta.url);

/** Writes what was measured between the markers of the page; the summary and the chart only when nothing was left out. */
export function writePage(results: readonly RowResult[], machine: string, complete: boolean): void {
  let text = readFileSync(page, "utf8");
  for (const name of new Set(results.map(({ row }) => row.name))) {
    const ofRow = results.filter(({ row }) => row.name === name);
    text = between(text, name, ofRow.map(tablesOf).join("\n\n"));
  }
  if (complete) {
    text = between(text, "summary", `${machine}\n\n${summaryOf(results)}`);
    writeFileSync(chart, chartOf(results));
  }
  writeFileSync(page, text);
}

function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- /bench: ${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/PERFORMANCE.md has no place for ${name}: ${begin} ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}
