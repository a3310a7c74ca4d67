import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import type { BusEvent } from "../../bus/event.js";
import { kindOf, phaseOf } from "../model/operations.js";
import type { RunView } from "../model/run-view.js";
import { summaryOf } from "../model/summary.js";
import { plain } from "../model/visible-text.js";
import { count, duration } from "../model/words.js";
import { Icon } from "./icons.js";
import { Text } from "./text.js";
import { type RowParts, VirtualList } from "./virtual-list.js";

interface EventsPanelProps {
  readonly view: RunView;
  readonly isLive: boolean;
  readonly chosen: BusEvent | undefined;
  readonly onChoose: (event: BusEvent) => void;
}

/** The events of the run as they came, to be filtered by type and by words. */
export function EventsPanel({ view, isLive, chosen, onChoose }: EventsPanelProps): JSX.Element {
  const [, redraw] = useState(0);
  const { events } = view;
  const passed = events.passed();
  const active = chosen ? passed.indexOf(chosen) : -1;
  const choose = (index: number): void => {
    const event = passed[index];
    if (event) onChoose(event);
  };
  const filter = (change: () => void): void => {
    change();
    redraw((drawn) => drawn + 1);
  };
  const all = events.size + events.leftOut;
  return h(
    "section",
    { class: "events panel", "aria-label": "Events" },
    h(
      "div",
      { class: "bar-of-filters" },
      h(
        "h2",
        null,
        "Events",
        h("small", null, passed.length === all ? count(all) : `${count(passed.length)} of ${count(all)}`),
      ),
      h(
        "div",
        { class: "families", role: "group", "aria-label": "Types of events to show" },
        [...events.families].map(([family, many]) =>
          h(
            "button",
            {
              key: family,
              type: "button",
              class: `family ${kindOf(family === "agent" ? "invocation" : family)}`,
              "aria-pressed": events.isHidden(family) ? "false" : "true",
              onClick: () => filter(() => events.show(family, events.isHidden(family))),
            },
            h("span", { class: "dot" }),
            h(Text, { value: family || "(none)", max: 24 }),
            h("small", null, count(many)),
          ),
        ),
      ),
      h(
        "div",
        { class: "search" },
        h(Icon, { name: "search" }),
        h("input", {
          type: "search",
          "aria-label": "Filter events",
          placeholder: "Filter events",
          autocomplete: "off",
          spellcheck: false,
          onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) =>
            filter(() => events.search(currentTarget.value)),
        }),
      ),
    ),
    passed.length === 0
      ? h("div", { class: "empty" }, h("p", null, all === 0 ? "Nothing happened yet." : "No event passes the filter."))
      : h(VirtualList, {
          id: "event",
          kind: "listbox",
          label: "Events, oldest first",
          count: passed.length,
          rowHeight: 26,
          active,
          follow: isLive,
          row: (index) => rowOf(passed[index], view.startTime ?? 0),
          onActive: choose,
          onOpen: choose,
        }),
  );
}

function rowOf(event: BusEvent | undefined, from: number): RowParts {
  if (!event) return { label: "", content: [] };
  const summary = summaryOf(event);
  if (event.type === "bus.gap") {
    return {
      class: "event gap",
      label: summary,
      content: [h(Icon, { key: "icon", name: "warning" }), h("span", { key: "words", class: "summary" }, summary)],
    };
  }
  const phase = phaseOf(event);
  const kind = phase ? kindOf(phase.operation) : event.type === "agent.terminate" ? "agent" : "other";
  const at = `+${duration(event.time - from)}`;
  return {
    class: `event ${kind} ${phase?.phase ?? ""}`,
    label: `${plain(event.type)}, ${at}, ${plain(summary)}`,
    content: [
      h("span", { key: "seq", class: "seq" }, event.seq),
      h("span", { key: "at", class: "at" }, at),
      h("span", { key: "dot", class: "dot" }),
      h(Text, { key: "type", class: "type", value: event.type, max: 80 }),
      h(Text, { key: "summary", class: "summary", value: summary.replace(/\s+/g, " "), max: 240 }),
    ],
  };
}
