/** The time that a waterfall shows, from left to right. */
export interface TimeScale {
  readonly from: number;
  readonly millis: number;
  /** Places of the grid, in milliseconds from the left. */
  readonly ticks: readonly number[];
}

const steps = [1, 2, 5];
/** From the first to the last moment that a date can name. What claims to take longer is cut. */
const LONGEST_MILLIS = 2 * 8.64e15;

/**
 * A run that goes on gets room to grow into, so that its bars grow and the scale stands still; one that is over fills the
 * width.
 */
export function timeScale(from: number, to: number, isOpen: boolean): TimeScale {
  const elapsed = Math.min(Math.max(1, to - from || 0), LONGEST_MILLIS);
  const step = stepFor(elapsed / 5);
  const millis = isOpen ? step * Math.ceil((elapsed * 1.08) / step) : elapsed;
  const ticks: number[] = [];
  for (let tick = 0; tick <= millis * 0.999; tick += step) ticks.push(tick);
  return { from, millis, ticks };
}

/** The smallest of 1, 2, 5, 10, 20 … that is not below. */
function stepFor(millis: number): number {
  const power = 10 ** Math.floor(Math.log10(millis));
  return (steps.find((step) => step * power >= millis) ?? 10) * power;
}
