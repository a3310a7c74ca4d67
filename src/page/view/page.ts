import { Fragment, h, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunFeed } from "../feed/run-feed.js";
import type { Watch } from "../feed/watch.js";
import type { Navigation } from "../navigation.js";
import { Connection } from "./connection.js";
import { type Chosen, Details } from "./details.js";
import { EventsPanel } from "./events-panel.js";
import { Logo } from "./icons.js";
import { RunHead } from "./run-head.js";
import { RunsPanel } from "./runs-panel.js";
import { StatsStrip } from "./stats-strip.js";
import { Text } from "./text.js";
import { Waterfall } from "./waterfall.js";

interface PageProps {
  readonly watch: Watch;
  readonly navigation: Navigation;
}

/** The whole page: the runs at the left, the chosen one beside them. */
export function Page({ watch, navigation }: PageProps): JSX.Element {
  const searchField = useRef<HTMLInputElement>(null);
  const { run } = watch;

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      searchField.current?.focus();
      searchField.current?.select();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return h(
    Fragment,
    null,
    h(
      "header",
      { class: "top" },
      h("div", { class: "house" }, h(Logo, null), h("b", null, "spanbus")),
      h(StatsStrip, { watch }),
      h(Connection, { watch }),
    ),
    h(RunsPanel, { watch, navigation, searchField }),
    navigation.place.kind === "nowhere"
      ? h(NoSuchAddress, null)
      : run
        ? h(Run, { key: run.view.runId, watch, feed: run })
        : h(NoRun, { watch }),
  );
}

function Run({ watch, feed }: { watch: Watch; feed: RunFeed }): JSX.Element {
  const [chosen, setChosen] = useState<Chosen>();
  const close = (): void => {
    // The keys go on in the list at the row whose details these were.
    const list = document.getElementById(chosen && "event" in chosen ? "event" : "span");
    if (document.activeElement?.closest(".details")) list?.focus();
    setChosen(undefined);
  };
  const { view, state } = feed;
  const now = watch.clock.now();
  if (state.kind === "refused") {
    return h(
      "main",
      { class: "run-pane none" },
      h("h1", null, h(Text, { value: view.runId })),
      h("p", null, state.says),
    );
  }
  if (view.events.size === 0) {
    return h(
      "main",
      { class: "run-pane none" },
      h("h1", null, h(Text, { value: view.runId })),
      h(
        "p",
        null,
        state.kind === "over"
          ? "The run is over, and none of its events are kept."
          : "Nothing of this run yet. It shows here as soon as it begins.",
      ),
    );
  }
  return h(
    "main",
    {
      class: `run-pane${chosen ? " with-details" : ""}`,
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key === "Escape") close();
      },
    },
    h(RunHead, { watch, feed, now }),
    h(Waterfall, {
      view,
      isLive: feed.isLive,
      now,
      chosen: chosen && ("spanId" in chosen ? chosen.spanId : chosen.event.spanId),
      onChoose: (spanId) => setChosen({ spanId }),
    }),
    h(EventsPanel, {
      view,
      isLive: feed.isLive,
      chosen: chosen && "event" in chosen ? chosen.event : undefined,
      onChoose: (event) => setChosen({ event }),
    }),
    chosen && h(Details, { view, chosen, now, onClose: close }),
  );
}

function NoSuchAddress(): JSX.Element {
  return h(
    "main",
    { class: "run-pane none" },
    h("h1", null, "No such address"),
    h("p", null, "Nothing is there. Choose a run at the left, or open one by its id, encoded as in an address:"),
    h("pre", null, "#/run/<id>"),
  );
}

const example = `bus.run("my-first-run", () => agent.generate(…));`;

function NoRun({ watch }: { watch: Watch }): JSX.Element {
  if (watch.runs.size > 0) return h("main", { class: "run-pane none" }, h("p", null, "Choose a run at the left."));
  if (watch.listState.kind === "refused") {
    return h(
      "main",
      { class: "run-pane none" },
      h("h1", null, "Which run?"),
      h("p", null, "The list of runs is not shared with you. Open one by its id:"),
      h("pre", null, "#/run/<id>"),
    );
  }
  return h(
    "main",
    { class: "run-pane none" },
    h(Logo, null),
    h("h1", null, "No runs yet"),
    h("p", null, "A run shows here as soon as an agent begins one. Its spans must go to the bus, as a span processor:"),
    h("pre", null, "new BasicTracerProvider({ spanProcessors: [bus] });"),
    h("p", null, "Then let an agent work. To give the run a name of its own:"),
    h("pre", null, example),
  );
}
