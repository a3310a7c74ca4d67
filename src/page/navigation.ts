import type { Watch } from "./feed/watch.js";
import { hasAddress, hashOf, type Place, placeOf } from "./model/address.js";

/** How long the keys rest on a run before it is opened: those that are passed are not asked for. */
const REST_MILLIS = 200;

/** Which run the page shows, and its address. */
export class Navigation {
  readonly #watch: Watch;
  readonly #changed: () => void;
  #place: Place = { kind: "start" };
  /** The run that the keys are at and that is not opened yet. */
  #passing: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(watch: Watch, changed: () => void) {
    this.#watch = watch;
    this.#changed = changed;
  }

  get place(): Place {
    return this.#place;
  }

  /** The run that is marked in the list. */
  get marked(): string | undefined {
    return this.#passing ?? this.#watch.run?.view.runId;
  }

  /** Goes where the address leads. */
  read(): void {
    const { hash } = location;
    // An id that no address can hold is not the one that is read from there: the run shown stays.
    if (this.#place.kind === "run" && hash === hashOf(this.#place.runId)) return;
    this.#go(placeOf(hash));
  }

  /** Opens a run, as a new entry of the history. */
  open(runId: string): void {
    this.#go({ kind: "run", runId });
    location.hash = hashOf(runId);
  }

  /** Comes by a run with the keys: it is opened in the same entry of the history once they rest. */
  pass(runId: string): void {
    clearTimeout(this.#timer);
    this.#passing = runId;
    this.#timer = setTimeout(() => this.#replace(runId), REST_MILLIS);
    this.#changed();
  }

  /** Whoever comes without an address sees the newest run. */
  start(): void {
    if (this.#place.kind !== "start" || this.#watch.run) return;
    const newest = this.#watch.runs.found().find(({ runId }) => hasAddress(runId));
    if (newest) this.#replace(newest.runId);
  }

  #replace(runId: string): void {
    history.replaceState(null, "", hashOf(runId));
    this.#go({ kind: "run", runId });
  }

  #go(place: Place): void {
    clearTimeout(this.#timer);
    this.#passing = undefined;
    this.#place = place;
    this.#watch.follow(place.kind === "run" ? place.runId : undefined);
    this.#changed();
  }
}
