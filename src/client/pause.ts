const FIRST_MILLIS = 250;
const LONGEST_MILLIS = 10_000;

/** How long to wait before each further try. */
export interface Pauses {
  /** Milliseconds, `atLeast` so many if there is time; undefined when it is time to give up. */
  next(atLeast?: number): number | undefined;
  /** Milliseconds until it is time to give up; 0 when it is. */
  left(): number;
}

/** Each pause is about twice the one before, a little different for each client, until `giveUpMillis` have passed. */
export function pause(giveUpMillis: number): Pauses {
  const began = performance.now();
  let millis = FIRST_MILLIS;
  const left = (): number => Math.max(0, giveUpMillis - (performance.now() - began));
  return {
    left,
    next: (atLeast = 0) => {
      const leftMillis = left();
      if (leftMillis === 0) return undefined;
      const pauseMillis = Math.min(Math.max(millis * (0.5 + Math.random()), atLeast), leftMillis);
      millis = Math.min(millis * 2, LONGEST_MILLIS);
      return pauseMillis;
    },
  };
}
