const FIRST_MILLIS = 250;
const LONGEST_MILLIS = 10_000;

/** How long to wait before each further try. */
export interface Pauses {
  /** Milliseconds; undefined when it is time to give up. */
  next(): number | undefined;
}

/** Each pause is about twice the one before, a little different for each client, until `giveUpMillis` have passed. */
export function pause(giveUpMillis: number): Pauses {
  const began = performance.now();
  let millis = FIRST_MILLIS;
  return {
    next: () => {
      const left = giveUpMillis - (performance.now() - began);
      if (left <= 0) return undefined;
      const pauseMillis = Math.min(millis * (0.5 + Math.random()), left);
      millis = Math.min(millis * 2, LONGEST_MILLIS);
      return pauseMillis;
    },
  };
}
