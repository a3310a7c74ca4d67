import { h, type JSX, type RefObject } from "preact";
import { useState } from "preact/hooks";
import type { Watch } from "../feed/watch.js";
import type { RunRow } from "../model/run-list.js";
import { plain } from "../model/visible-text.js";
import { count, counted, duration } from "../model/words.js";
import type { Navigation } from "../navigation.js";
import { Icon, StateIcon } from "./icons.js";
import { Text } from "./text.js";
import { type RowParts, VirtualList } from "./virtual-list.js";

interface RunsPanelProps {
  readonly watch: Watch;
  readonly navigation: Navigation;
  readonly searchField: RefObject<HTMLInputElement | null>;
}

/** All runs, to choose one of. */
export function RunsPanel({ watch, navigation, searchField }: RunsPanelProps): JSX.Element {
  const [sought, setSought] = useState("");
  const runs = watch.runs.found();
  const active = runs.findIndex(({ runId }) => runId === navigation.marked);
  const onChoose = (runId: string): void => navigation.open(runId);
  const search = (text: string): void => {
    watch.runs.search(text);
    setSought(text);
  };
  const choose = (index: number): void => {
    const run = runs[index];
    if (run) onChoose(run.runId);
  };
  const pass = (index: number): void => {
    const run = runs[index];
    if (run) navigation.pass(run.runId);
  };
  return h(
    "nav",
    { class: "runs panel", "aria-label": "Runs" },
    h(
      "form",
      {
        class: "search",
        role: "search",
        onSubmit: (event: Event) => {
          event.preventDefault();
          if (runs.length > 0) choose(0);
          else if (sought.trim() !== "") onChoose(sought.trim());
        },
      },
      h(Icon, { name: "search" }),
      h("input", {
        ref: searchField,
        type: "search",
        "aria-label": "Search runs",
        placeholder: "Search runs",
        value: sought,
        autocomplete: "off",
        spellcheck: false,
        onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => search(currentTarget.value),
        onKeyDown: (event: KeyboardEvent) => {
          if (event.key !== "Escape" || sought === "") return;
          event.stopPropagation();
          search("");
        },
      }),
      h("kbd", { "aria-hidden": "true" }, "/"),
    ),
    runs.length === 0
      ? h(NoRuns, { watch, sought, onChoose })
      : h(VirtualList, {
          id: "run",
          kind: "listbox",
          label: "Runs, newest first",
          count: runs.length,
          rowHeight: 54,
          active,
          row: (index) => rowOf(runs[index], watch.clock.now()),
          onActive: pass,
          onOpen: choose,
        }),
    h("p", { class: "foot" }, footWords(watch, runs.length, sought)),
  );
}

function rowOf(run: RunRow | undefined, now: number): RowParts {
  if (!run) return { label: "", content: [] };
  const { runId, agentName, state, failedToolCalls: failed, inputTokens, outputTokens } = run;
  const stands = run.outcome ?? (state === "open" ? "running" : "unknown");
  const took = duration((state === "open" ? Math.max(now, run.lastTime) : run.lastTime) - run.startTime);
  const name = agentName ?? runId;
  const tokens = inputTokens + outputTokens;
  return {
    class: `run ${stands}`,
    label: [
      plain(name),
      stands,
      took,
      counted(tokens, "token"),
      ...(failed > 0 ? [`${counted(failed, "tool call")} failed`] : []),
      ...(agentName === undefined ? [] : [`run ${plain(runId)}`]),
    ].join(", "),
    content: [
      h(StateIcon, { key: "state", state: stands }),
      h(Text, { key: "name", class: "name", value: name, max: 80 }),
      h("span", { key: "took", class: "took" }, took),
      h(Text, { key: "id", class: "id", value: agentName === undefined ? stands : runId, max: 80 }),
      h(
        "span",
        { key: "counts", class: "counts" },
        failed > 0 && h("span", { class: "failures", title: `${counted(failed, "tool call")} failed` }, `${failed} ✕`),
        h("span", { title: `${count(inputTokens)} tokens in, ${count(outputTokens)} out` }, `${count(tokens)} tok`),
      ),
    ],
  };
}

function NoRuns({
  watch,
  sought,
  onChoose,
}: {
  watch: Watch;
  sought: string;
  onChoose: (runId: string) => void;
}): JSX.Element {
  const id = sought.trim();
  if (watch.runs.size > 0 || id !== "") {
    return h(
      "div",
      { class: "empty" },
      h("p", null, "No run matches."),
      id !== "" &&
        h(
          "button",
          { type: "button", onClick: () => onChoose(id) },
          "Open ",
          h(Text, { value: id, max: 40 }),
          " by its id",
        ),
    );
  }
  if (watch.listState.kind === "refused") {
    return h(
      "div",
      { class: "empty" },
      h("p", null, "The list of runs is not shared with you."),
      h("p", null, "A run whose id you know opens all the same: type the id above, and Enter."),
    );
  }
  return h(
    "div",
    { class: "empty" },
    h("p", null, watch.listState.kind === "waiting" ? "Asking for the runs …" : "No runs yet."),
  );
}

function footWords(watch: Watch, found: number, sought: string): string {
  const { size } = watch.runs;
  const runs = sought.trim() === "" ? counted(size, "run") : `${found} of ${counted(size, "run")}`;
  if (watch.listState.kind === "refused") return watch.globalState.kind === "refused" ? "" : `${runs} since you came`;
  return watch.globalState.kind === "refused" ? `${runs}, asked for every few seconds` : runs;
}
