import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import { wordOf } from "../model/operations.js";
import type { RunView } from "../model/run-view.js";
import type { SpanNode, SpanRow } from "../model/span-tree.js";
import { type TimeScale, timeScale } from "../model/time-scale.js";
import { plain } from "../model/visible-text.js";
import { counted, duration } from "../model/words.js";
import { Icon } from "./icons.js";
import { Text } from "./text.js";
import { type RowParts, VirtualList } from "./virtual-list.js";

interface WaterfallProps {
  readonly view: RunView;
  readonly isLive: boolean;
  readonly now: number;
  readonly chosen: string | undefined;
  readonly onChoose: (spanId: string) => void;
}

/** The spans of the run in time: what called what, how long it took, what failed, and what still runs. */
export function Waterfall({ view, isLive, now, chosen, onChoose }: WaterfallProps): JSX.Element {
  const [, redraw] = useState(0);
  const isOpen = view.outcome === undefined;
  const rows = view.spans.rows();
  const end = rows.reduce((latest, { span }) => Math.max(latest, span.endTime ?? now), view.lastTime ?? now);
  const scale = timeScale(view.startTime ?? now, isOpen ? Math.max(end, now) : end, isOpen);
  const active = rows.findIndex(({ span }) => span.id === chosen);
  const choose = (index: number): void => {
    const row = rows[index];
    if (row) onChoose(row.span.id);
  };
  const fold = (id: string, isFolded: boolean): void => {
    view.spans.fold(id, isFolded);
    redraw((drawn) => drawn + 1);
  };
  const arrow = (key: string): boolean => {
    const row = rows[active];
    if (!row || (key !== "ArrowLeft" && key !== "ArrowRight")) return false;
    const isLeft = key === "ArrowLeft";
    if (row.children > 0 && row.isFolded !== isLeft) fold(row.span.id, isLeft);
    else if (isLeft && row.span.parentId !== undefined) {
      const parent = rows.findIndex(({ span }) => span.id === row.span.parentId);
      if (parent >= 0) choose(parent);
    } else if (!isLeft && row.children > 0) choose(active + 1);
    return true;
  };
  return h(
    "section",
    { class: "waterfall panel", "aria-label": "Waterfall" },
    h(Axis, { scale, view, rows: rows.length }),
    h(
      "div",
      { class: "lanes", style: { "--tick": `${(100 * (scale.ticks[1] ?? scale.millis)) / scale.millis}%` } },
      h(VirtualList, {
        id: "span",
        kind: "tree",
        label: "Spans",
        count: rows.length,
        rowHeight: 26,
        active,
        follow: isLive,
        row: (index) => rowOf(rows[index], scale, now, fold),
        onActive: choose,
        onOpen: choose,
        onKey: arrow,
        behind: h(Backdrop, { view, scale, now }),
      }),
      rows.length === 0 && h("p", { class: "none-yet" }, "No spans in this run so far."),
    ),
  );
}

/** What goes through all rows: the grid, the present, and where events were lost. */
function Backdrop({ view, scale, now }: { view: RunView; scale: TimeScale; now: number }): JSX.Element {
  return h(
    "div",
    { class: "backdrop", role: "presentation" },
    view.outcome === undefined && h("div", { class: "now", style: { left: share(now - scale.from, scale) } }),
    view.losses.map(({ id, time, words }) =>
      h(
        "div",
        {
          key: id,
          class: "loss",
          role: "img",
          "aria-label": words,
          title: words,
          style: { left: share(time - scale.from, scale) },
        },
        h(Icon, { name: "warning" }),
      ),
    ),
  );
}

function Axis({ scale, view, rows }: { scale: TimeScale; view: RunView; rows: number }): JSX.Element {
  const { leftOut } = view.spans;
  return h(
    "div",
    { class: "axis" },
    h(
      "h2",
      null,
      "Spans",
      h("small", null, leftOut > 0 ? `newest ${rows}, ${leftOut} left out` : String(view.spans.size)),
    ),
    h(
      "div",
      { class: "ticks", "aria-hidden": "true" },
      scale.ticks
        .filter((tick) => tick < scale.millis * 0.96)
        .map((tick) =>
          h("span", { key: tick, style: { left: share(tick, scale) } }, tick === 0 ? "0" : duration(tick)),
        ),
    ),
  );
}

function rowOf(
  row: SpanRow | undefined,
  scale: TimeScale,
  now: number,
  fold: (id: string, isFolded: boolean) => void,
): RowParts {
  if (!row) return { label: "", content: [] };
  const { span, depth, children, isFolded } = row;
  const end = span.endTime ?? Math.max(now, span.startTime);
  const took = duration(end - span.startTime);
  const word = wordOf(span.operation);
  return {
    class: `span ${span.kind} ${span.state}`,
    label: [
      plain(span.name) === word ? word : `${word} ${plain(span.name)}`,
      span.state === "unknown" ? "end not seen" : span.state,
      took,
      ...(span.error ? [plain(`${span.error.type}: ${span.error.message}`)] : []),
    ].join(", "),
    aria: { "aria-level": depth + 1, ...(children > 0 && { "aria-expanded": isFolded ? "false" : "true" }) },
    content: [
      h(
        "div",
        { key: "name", class: "what", style: { "--depth": String(Math.min(depth, 12)) } },
        children > 0
          ? h(
              "span",
              {
                class: "fold",
                "aria-hidden": "true",
                title: isFolded ? `${counted(children, "span")} inside` : "",
                onClick: (event: Event) => {
                  event.stopPropagation();
                  fold(span.id, !isFolded);
                },
              },
              h(Icon, { name: isFolded ? "folded" : "unfolded" }),
            )
          : h("span", { class: "fold" }),
        h("span", { class: "dot" }),
        h(Text, { class: "name", value: span.name, max: 80 }),
        span.name !== word && h("span", { class: "word" }, word),
      ),
      h(Track, { key: "track", span, end, took, scale }),
    ],
  };
}

function Track({
  span,
  end,
  took,
  scale,
}: {
  span: SpanNode;
  end: number;
  took: string;
  scale: TimeScale;
}): JSX.Element {
  const from = Math.min(1, Math.max(0, (span.startTime - scale.from) / scale.millis));
  const to = Math.min(1, Math.max(from, (end - scale.from) / scale.millis));
  const first = span.firstChunkTime;
  const length = Math.max(1e-9, end - span.startTime);
  const heard = first === undefined ? undefined : Math.min(1, Math.max(0, (first - span.startTime) / length));
  const tokens = span.inputTokens + span.outputTokens;
  // A bar at the right edge has room behind it for its duration, and for no more.
  const isShort = to > 0.8 && from < 0.3;
  const words = tokens > 0 && !isShort ? `${took} · ${span.inputTokens} → ${span.outputTokens} tok` : took;
  const isBefore = to > 0.8 && from >= 0.3 && (tokens > 0 || span.error !== undefined);
  return h(
    "div",
    { class: "track" },
    h(
      "div",
      { class: "bar", style: { left: percent(from), width: percent(to - from) } },
      heard !== undefined &&
        h("span", {
          class: "wait",
          style: { width: percent(heard) },
          title: `first token after ${duration((first ?? 0) - span.startTime)}`,
        }),
    ),
    h(
      "span",
      {
        class: "took",
        style: isBefore ? { right: percent(1 - from) } : { left: percent(to) },
      },
      span.error && !isShort ? h(Text, { value: span.error.message || span.error.type, max: 60 }) : words,
    ),
  );
}

function share(millis: number, { millis: whole }: TimeScale): string {
  return percent(Math.min(1, Math.max(0, millis / whole)));
}

function percent(part: number): string {
  return `${(part * 100).toFixed(3)}%`;
}
