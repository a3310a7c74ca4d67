import { readFileSync, writeFileSync } from "node:fs";
import { chartOf } from "./chart.js";
import type { RowResult } from "./measure.js";
import { summaryOf, tablesOf } from "./tables.js";

const chart = new URL("../../docs/performance.svg", import.meta.url);

/** Writes what was measured between the markers of the page; the summary and the chart only when nothing was left out. */
export function writePage(results: readonly RowResult[], machine: string, complete: boolean): void {
  const sections: Record<string, string> = {};
  for (const name of new Set(results.map(({ row }) => row.name))) {
    const ofRow = results.filter(({ row }) => row.name === name);
    sections[name] = ofRow.map(tablesOf).join("\n\n");
  }
  if (complete) {
    sections["summary"] = `${machine}\n\n${summaryOf(results)}`;
    writeFileSync(chart, chartOf(results));
  }
  writeSections("PERFORMANCE.md", sections);
}

/** Puts each section between the markers with its name, in a page of `docs/`. */
export function writeSections(page: string, sections: Readonly<Record<string, string>>): void {
  const file = new URL(`../../docs/${page}`, import.meta.url);
  let text = readFileSync(file, "utf8");
  for (const [name, content] of Object.entries(sections)) {
    const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- /bench: ${name} -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/${page} has no place for ${name}: ${begin} ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
  }
  writeFileSync(file, text);
}
