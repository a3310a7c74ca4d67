import { h, type JSX } from "preact";
import type { RunFeed } from "../feed/run-feed.js";
import type { Watch } from "../feed/watch.js";
import { hashOf } from "../model/address.js";
import { count, counted, duration, timeOfDay } from "../model/words.js";
import { StateIcon } from "./icons.js";
import { Text } from "./text.js";

/** Which run this is, how it stands, and what it came to. */
export function RunHead({ watch, feed, now }: { watch: Watch; feed: RunFeed; now: number }): JSX.Element {
  const { view } = feed;
  const listed = watch.runs.run(view.runId);
  const totals = listed && listed.events > 0 ? listed : view.tally;
  const name = listed?.agentName ?? view.agentName;
  const stands = standing(feed, listed?.outcome);
  const end = view.outcome === undefined && stands === "running" ? Math.max(now, view.lastTime ?? 0) : view.lastTime;
  const took = view.startTime === undefined || end === undefined ? undefined : end - view.startTime;
  return h(
    "header",
    { class: "run-head" },
    h(
      "div",
      { class: "who" },
      h(StateIcon, { state: stands }),
      h("h1", null, h(Text, { value: name ?? view.runId, max: 80 })),
      h("span", { class: `chip ${stands}` }, stands),
      name !== undefined && h(Text, { class: "id", value: view.runId, max: 256 }),
      listed?.parentRunId !== undefined &&
        h(
          "a",
          { class: "parent", href: hashOf(listed.parentRunId) },
          "begun in ",
          h(Text, { value: listed.parentRunId }),
        ),
    ),
    h(
      "dl",
      { class: "totals" },
      fact("duration", took === undefined ? "–" : duration(took)),
      fact("began", view.startTime === undefined ? "–" : timeOfDay(view.startTime)),
      fact("model calls", count(totals.modelCalls)),
      fact("tool calls", count(totals.toolCalls)),
      totals.failedToolCalls > 0 && fact("failed", count(totals.failedToolCalls), "bad"),
      fact("tokens in", count(totals.inputTokens)),
      fact("tokens out", count(totals.outputTokens)),
    ),
    view.error &&
      h(
        "p",
        { class: "error" },
        h("b", null, h(Text, { value: view.error.type })),
        " ",
        h(Text, { value: view.error.message, max: 500 }),
      ),
    view.losses.length > 0 &&
      h(
        "p",
        { class: "loss-note", role: "status" },
        h(StateIcon, { state: "unknown" }),
        view.losses.length === 1
          ? view.losses[0]?.words
          : `Events are missing in ${counted(view.losses.length, "place")}`,
        ".",
      ),
  );
}

function fact(name: string, value: string, kind = ""): JSX.Element {
  return h("div", { class: kind }, h("dt", null, name), h("dd", null, value));
}

/** The stream of the run knows best; the list knows of a run whose stream is not read to its end yet. */
function standing(feed: RunFeed, listed: string | undefined): string {
  return feed.view.outcome ?? listed ?? (feed.view.startTime === undefined ? "waiting" : "running");
}
