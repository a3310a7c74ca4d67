import { h, type JSX } from "preact";
import type { Watch } from "../feed/watch.js";

/** Whether what is seen is what happens. The worst of the streams counts. */
export function Connection({ watch }: { readonly watch: Watch }): JSX.Element {
  const { kind, words, says } = stateOf(watch);
  return h(
    "div",
    { class: `connection ${kind}`, role: "status", "aria-label": "Connection", title: says },
    h("span", { class: "lamp", "aria-hidden": "true" }),
    words,
  );
}

function stateOf(watch: Watch): { kind: string; words: string; says: string } {
  const states = [watch.globalState, watch.listState, ...(watch.run ? [watch.run.state] : [])].map(({ kind }) => kind);
  if (states.includes("lost"))
    return { kind: "lost", words: "Reconnecting …", says: "The connection was lost. It is being made again." };
  if (states.includes("waiting"))
    return { kind: "waiting", words: "Connecting …", says: "Waiting for the first answer." };
  if (states.includes("live")) return { kind: "live", words: "Live", says: "Events are shown as they happen." };
  if (states.every((state) => state === "refused"))
    return { kind: "refused", words: "Not shared", says: "The endpoint shares neither the list of runs nor this run." };
  return { kind: "over", words: "Run is over", says: "The run is over, and the list of runs is not shared." };
}
