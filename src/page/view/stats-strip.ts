import { h, type JSX } from "preact";
import type { BusStats } from "../../bus/stats.js";
import type { Watch } from "../feed/watch.js";
import { bytes, count } from "../model/words.js";
import { Sparkline } from "./sparkline.js";

interface Figure {
  readonly name: string;
  readonly says: string;
  readonly of: keyof BusStats;
  /** A counter is drawn as what it grew by each second. */
  readonly isRate?: true;
  readonly words?: (value: number) => string;
  /** More than none is worth a look. */
  readonly isBad?: true;
}

const figures: readonly Figure[] = [
  { name: "events/s", says: "Events published, each second", of: "published", isRate: true },
  { name: "open runs", says: "Runs that are open", of: "activeRuns" },
  { name: "open spans", says: "Spans that are open", of: "openSpans" },
  { name: "queued", says: "Events waiting for their readers", of: "queuedEvents" },
  { name: "dropped", says: "Events that slow readers lost, since the start", of: "dropped", isBad: true },
  { name: "kept runs", says: "Runs whose events are kept", of: "retainedRuns" },
  { name: "kept", says: "Bytes of events kept", of: "historyBytes", words: bytes },
];

/** Figures of the bus. Nothing at all where the endpoint does not tell them. */
export function StatsStrip({ watch }: { readonly watch: Watch }): JSX.Element {
  const { latest } = watch.stats;
  if (watch.statsState.kind === "refused")
    return h("div", { class: "stats none" }, "The figures of the bus are not shared with you.");
  return h(
    "dl",
    { class: "stats", "aria-label": "Figures of the bus" },
    figures.map(({ name, says, of, isRate, words = count, isBad }) => {
      const line = isRate ? watch.stats.rate(of) : watch.stats.line(of);
      const value = line.at(-1) ?? 0;
      return h(
        "div",
        { key: name, class: isBad && value > 0 ? "bad" : "", title: says },
        h("dt", null, name),
        h("dd", null, latest ? (isRate && value > 0 && value < 10 ? value.toFixed(1) : words(value)) : "–"),
        h(Sparkline, { values: line }),
      );
    }),
  );
}
