import { positiveInteger, wrong } from "../bus/checks.js";

/** What a timer of 32 bits can hold. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1;

export function timerMillis(name: string, value: unknown): number {
  const millis = positiveInteger(name, value);
  if (millis > MAX_TIMER_MILLIS) throw wrong(RangeError, name, `at most ${MAX_TIMER_MILLIS}`, value);
  return millis;
}
