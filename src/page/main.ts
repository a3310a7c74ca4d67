import { h, render } from "preact";
import { connect } from "../client/index.js";
import { Watch } from "./feed/watch.js";
import { endpointOf } from "./model/address.js";
import { Navigation } from "./navigation.js";
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
  const navigation = new Navigation(watch, changed);
  const draw = (): void => {
    isAwaited = false;
    clearTimeout(timer);
    navigation.start();
    const isGrowing =
      watch.run !== undefined && watch.run.view.outcome === undefined && watch.run.view.spans.running > 0;
    // Before it is drawn: what cannot be drawn once must not be the end of it.
    timer = setTimeout(changed, isGrowing && !calm.matches ? GROWTH_MILLIS : CALM_MILLIS);
    render(h(Page, { watch, navigation }), root);
  };

  const look = (): void => (document.hidden ? watch.pause() : watch.resume());
  addEventListener("hashchange", () => navigation.read());
  document.addEventListener("visibilitychange", look);
  navigation.read();
  look();
  changed();
}

const root = document.getElementById("page");
if (root) start(root);
