import { h, type JSX } from "preact";
import type { BusEvent } from "../../bus/event.js";
import { dataOf, errorOf, shown } from "../model/event-data.js";
import { wordOf } from "../model/operations.js";
import type { RunView } from "../model/run-view.js";
import type { SpanNode } from "../model/span-tree.js";
import { gapWords } from "../model/summary.js";
import { duration, timeOfDay } from "../model/words.js";
import { Icon, StateIcon } from "./icons.js";
import { Text } from "./text.js";

/** What is looked at closely. */
export type Chosen = { readonly spanId: string } | { readonly event: BusEvent };

interface DetailsProps {
  readonly view: RunView;
  readonly chosen: Chosen;
  readonly now: number;
  readonly onClose: () => void;
}

type Facts = readonly (readonly [name: string, value: unknown])[];
type Data = Readonly<Record<string, unknown>>;

/** What people and models wrote: shown as blocks of text, in this order. */
const contents = ["input", "arguments", "result", "output", "text", "body"] as const;

/** A span or an event, whole. */
export function Details({ view, chosen, now, onClose }: DetailsProps): JSX.Element {
  const span = "spanId" in chosen ? view.spans.span(chosen.spanId) : undefined;
  return h(
    "aside",
    { class: "details panel", "aria-label": "Details" },
    h(
      "button",
      { type: "button", class: "close", "aria-label": "Close details", title: "Close (Esc)", onClick: onClose },
      h(Icon, { name: "close" }),
    ),
    span
      ? spanParts(span, view, now)
      : "event" in chosen
        ? eventParts(chosen.event, view)
        : h("p", null, "This span is no longer kept."),
  );
}

function spanParts(span: SpanNode, view: RunView, now: number): JSX.Element {
  const end = span.endTime ?? Math.max(now, span.startTime);
  const stands = span.state === "unknown" ? "end not seen" : span.state;
  const streamed = span.streamed !== "" && span.data["output"] === undefined ? { output: span.streamed } : {};
  return h(
    "div",
    { class: `body ${span.kind}` },
    h(
      "header",
      null,
      h("p", { class: "kind" }, h("span", { class: "dot" }), wordOf(span.operation)),
      h("h2", null, h(Text, { value: span.name, max: 120 })),
      h("p", { class: "stands" }, h(StateIcon, { state: span.state }), `${stands} · ${duration(end - span.startTime)}`),
    ),
    errorBox(span.error),
    contentBlocks({ ...span.data, ...streamed }),
    factTable("Data", [
      ["began", `${timeOfDay(span.startTime)} (+${duration(span.startTime - (view.startTime ?? span.startTime))})`],
      ...(span.firstChunkTime === undefined
        ? []
        : ([["first token", `after ${duration(span.firstChunkTime - span.startTime)}`]] as const)),
      ...(span.inputTokens + span.outputTokens > 0
        ? ([["tokens", `${span.inputTokens} in, ${span.outputTokens} out`]] as const)
        : []),
      ...facts(span.data),
    ]),
    factTable("Attributes", Object.entries(span.attributes)),
    factTable("Ids", [
      ["span", span.id],
      ["parent", span.parentId],
      ["trace", span.traceId],
    ]),
  );
}

function eventParts(event: BusEvent, view: RunView): JSX.Element {
  const data = dataOf(event);
  return h(
    "div",
    { class: "body other" },
    h(
      "header",
      null,
      h("p", { class: "kind" }, "event"),
      h("h2", null, h(Text, { value: event.type, max: 120 })),
      h(
        "p",
        { class: "stands" },
        `${timeOfDay(event.time)} · +${duration(event.time - (view.startTime ?? event.time))}`,
      ),
    ),
    event.type === "bus.gap" && h("p", { class: "loss-note" }, h(Icon, { name: "warning" }), gapWords(data), "."),
    errorBox(errorOf(data)),
    contentBlocks(data),
    factTable("Data", facts(data)),
    factTable("Attributes", Object.entries(event.attributes ?? {})),
    factTable("Ids", [
      ["event", event.id],
      ["seq", event.seq],
      ["span", event.spanId],
      ["parent", event.parentSpanId],
      ["trace", event.traceId],
    ]),
  );
}

function errorBox(error: { type: string; message: string } | undefined): JSX.Element | undefined {
  if (!error) return undefined;
  return h(
    "div",
    { class: "error", role: "group", "aria-label": "Error" },
    h("b", null, h(Text, { value: error.type, max: 200 })),
    h("p", null, h(Text, { value: error.message, max: 1000 })),
  );
}

function contentBlocks(data: Data): readonly JSX.Element[] {
  return contents.flatMap((name) => {
    const value = data[name];
    if (value === undefined || value === "") return [];
    return [
      h(
        "section",
        { key: name, class: "content" },
        h("h3", null, name),
        h("pre", { tabIndex: 0 }, h(Text, { value: readable(value), max: 10_000 })),
      ),
    ];
  });
}

/** JSON in a string is easier to read on more lines. */
function readable(value: unknown): string {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return shown(value);
  try {
    return JSON.stringify(JSON.parse(value), undefined, 2);
  } catch {
    return value;
  }
}

function facts(data: Data): Facts {
  const told: ReadonlySet<string> = new Set([...contents, "error"]);
  return Object.entries(data).filter(([name]) => !told.has(name));
}

function factTable(title: string, all: Facts): JSX.Element | undefined {
  const known = all.filter(([, value]) => value !== undefined);
  if (known.length === 0) return undefined;
  return h(
    "section",
    { class: "facts" },
    h("h3", null, title),
    h(
      "dl",
      null,
      known.map(([name, value]) =>
        h(
          "div",
          { key: name },
          h("dt", null, h(Text, { value: name, max: 100 })),
          h(
            "dd",
            null,
            h(Text, { value: name === "durationMillis" ? duration(Number(value)) : shown(value), max: 4000 }),
          ),
        ),
      ),
    ),
  );
}
