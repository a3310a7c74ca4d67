import { h, render } from "preact";
import { connect } from "../client/index.js";
import { Watch } from "./feed/watch.js";
import { endpointOf, hashOf, placeOf } from "./model/address.js";
import { Page } from "./view/page.js";

/** How often open spans grow on the screen, and durations in the list. */
const GROWTH_MILLIS = 40;
const CALM_MILLIS = 1000;

/** Draws when something changed, at most once a frame, and goes on while something runs. */
function start(root: HTMLElement): void {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let isAwaited = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const changed = (): void => {
    if (isAwaited) return;
    isAwaited = true;
    requestAnimationFrame(draw);
  };
  const watch = new Watch(connect(endpointOf(location), { giveUpMillis: Number.POSITIVE_INFINITY }), changed);
  const choose = (runId: string): void => {
    location.hash = hashOf({ runId });
  };
  const draw = (): void => {
    isAwaited = false;
    clearTimeout(timer);
    // Whoever comes without an address sees the newest run.
    const newest = watch.run ? undefined : watch.runs.found()[0];
    if (newest) history.replaceState(null, "", hashOf({ runId: newest.runId }));
    if (newest) watch.follow(newest.runId);
    render(h(Page, { watch, onChoose: choose }), root);
    const isGrowing =
      watch.run !== undefined && watch.run.view.outcome === undefined && watch.run.view.spans.running > 0;
    timer = setTimeout(changed, isGrowing && !calm.matches ? GROWTH_MILLIS : CALM_MILLIS);
  };

  const look = (): void => (document.hidden ? watch.pause() : watch.resume());
  addEventListener("hashchange", () => watch.follow(placeOf(location.hash).runId));
  document.addEventListener("visibilitychange", look);
  watch.follow(placeOf(location.hash).runId);
  look();
  changed();
}

const root = document.getElementById("page");
if (root) start(root);
