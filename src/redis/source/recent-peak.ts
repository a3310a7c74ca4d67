const HALF_MILLIS = 30_000;

/** The largest number of the last minute, or of not quite as long: of this half minute and the one before. */
export class RecentPeak {
  #beganAt = Number.NEGATIVE_INFINITY;
  #now = 0;
  #before = 0;

  /** @param now Milliseconds of a clock that only goes forward. */
  add(value: number, now: number): void {
    this.#turn(now);
    this.#now = Math.max(this.#now, value);
  }

  at(now: number): number {
    this.#turn(now);
    return Math.max(this.#now, this.#before);
  }

  #turn(now: number): void {
    const elapsed = now - this.#beganAt;
    if (elapsed < HALF_MILLIS) return;
    this.#before = elapsed < 2 * HALF_MILLIS ? this.#now : 0;
    this.#now = 0;
    this.#beganAt = now;
  }
}
