import type { RowResult } from "./measure.js";
import { median } from "./statistics.js";
import { number } from "./tables.js";

/** What is shown: a figure of a row, and the cases that say most, under short names. */
const panels = [
  {
    row: "readers",
    figure: "burst",
    title: "An event to ten readers, in bursts, ns",
    cases: {
      "spanbus, batches()": "spanbus, batches",
      "spanbus, for await": "spanbus, for await",
      "it-pushableV, batches": "it-pushable, batches",
      "events.on": "events.on",
      "Effect Stream, PubSub with replay": "Effect PubSub",
      "ReplaySubject + it-pushable": "RxJS + it-pushable",
    },
  },
  {
    row: "agent-spans",
    figure: "span",
    title: "An agent's span, from start to end, ns",
    cases: {
      "no processor": "no processor",
      "BatchSpanProcessor, exporter does nothing": "batch, no export",
      spanbus: "spanbus",
      "Langfuse, media off": "Langfuse",
      "BatchSpanProcessor, OTLP protobuf": "batch, OTLP",
      Traceloop: "Traceloop",
      "OpenInference, batch": "OpenInference",
    },
  },
  {
    row: "replay",
    figure: "replay",
    title: "A late reader gets 500 events, µs",
    cases: {
      "ReplaySubject, callback": "RxJS, callback",
      "spanbus, batches()": "spanbus, batches",
      "spanbus, for await": "spanbus, for await",
      "Effect Stream, PubSub with replay": "Effect PubSub",
    },
  },
] as const;

const WIDTH = 760;
const LABELS = 190;
const BAR = 18;
const STEP = 26;
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .ours { fill: #0969da } .theirs { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .ours { fill: #58a6ff } .theirs { fill: #484f58 }
  }`;

/** Bars of the medians with the first version of Node, shorter is better. */
export function chartOf(results: readonly RowResult[]): string {
  const parts: string[] = [];
  let y = 0;
  for (const { row, figure, title, cases } of panels) {
    const result = results.find((each) => each.row.name === row);
    const bars = Object.entries(cases).flatMap(([name, label]) => {
      const rounds = result?.cases.find((each) => each.name === name)?.rounds ?? [];
      const value = median(rounds.flatMap((round) => round[figure] ?? []));
      return Number.isFinite(value) ? [{ label, value }] : [];
    });
    const most = Math.max(...bars.map(({ value }) => value));
    y += 24;
    parts.push(text(0, y, title, "title"));
    y += 10;
    for (const { label, value } of bars) {
      const length = ((WIDTH - LABELS - 70) * value) / most;
      parts.push(text(0, y + 14, label));
      parts.push(
        `<rect x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" class="${label.startsWith("spanbus") ? "ours" : "theirs"}"/>`,
      );
      parts.push(text(LABELS + length + 6, y + 14, number(value)));
      y += STEP;
    }
    y += 10;
  }
  const label = "Bars of the times that spanbus and others take; shorter is better";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${label}">\n<style>${STYLE}\n</style>\n${parts.join("\n")}\n</svg>\n`;
}

function text(x: number, y: number, content: string, kind = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}"${kind && ` class="${kind}"`}>${content}</text>`;
}
