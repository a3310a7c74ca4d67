import type { BusEvent, Outcome } from "../bus/event.js";
import { outline } from "./outline.js";

/** What a function did, as events tell it. */
export interface RecordedRun<T = unknown> {
  readonly runId: string;
  /** Everything that was published, in order, also in runs that were begun inside. */
  readonly events: readonly BusEvent[];
  /** How the run ended. */
  readonly outcome: Outcome;
  /** What the function gave, or its promise. Undefined if it threw. */
  readonly result: T | undefined;
  /** What it threw. */
  readonly error: unknown;
  /** The run as a short outline: what it did, one line each, and how that ended. */
  toString(): string;
}

export function recordedRun<T>(run: Omit<RecordedRun<T>, "toString">): RecordedRun<T> {
  return Object.freeze({ ...run, toString: () => outline(run.events, run.outcome, run.error) });
}
