/**
 * The time at the bus. Its clock and this one may differ: how much, shows when an event arrives. One that was published a
 * moment ago bounds it from above, one from the future in any case.
 */
export class BusClock {
  readonly #here: () => number;
  #ahead = 0;
  #isHeard = false;

  constructor(here: () => number) {
    this.#here = here;
  }

  /** An event arrived. `isLive`: it was published just now, and not replayed. */
  heard(time: number, isLive: boolean): void {
    const ahead = this.#here() - time;
    if (this.#isHeard ? ahead < this.#ahead : isLive || ahead < this.#ahead) this.#ahead = ahead;
    this.#isHeard ||= isLive;
  }

  now(): number {
    return this.#here() - this.#ahead;
  }
}
