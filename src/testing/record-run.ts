import { anObject, positiveInteger, runIdName, wrong } from "../bus/checks.js";
import type { BusEvent, Outcome } from "../bus/event.js";
import type { Subscription } from "../bus/subscription.js";
import type { Tap, TapListener } from "../bus/taps.js";
import { outline } from "./outline.js";
import { type RecordedRun, recordedRun } from "./recorded-run.js";

/** What `recordRun` needs of a bus. */
export interface RecordableBus {
  run<T>(runId: string, fn: (runId: string) => T): T;
  subscribe(runId: string): Subscription;
  tap(listener: TapListener): Tap;
}

export interface RecordOptions {
  /** Id of the run. Default a new one. */
  readonly runId?: string | undefined;
  /**
   * How long the run may go on once the function has settled, in milliseconds: a stream that nobody reads keeps its spans
   * open. Default 2000.
   */
  readonly timeoutMillis?: number | undefined;
}

/**
 * Runs a function on the bus and gives what it did, once all its spans are over. A function that throws gives a run that
 * `failed`, with the `error`; it does not reject. Rejects if the run goes on for too long after the function has settled.
 */
export async function recordRun<T>(
  bus: RecordableBus,
  fn: (runId: string) => T,
  options: RecordOptions = {},
): Promise<RecordedRun<Awaited<T>>> {
  if (typeof bus?.run !== "function" || typeof bus.tap !== "function")
    throw wrong(TypeError, "bus", "an event bus", bus);
  if (typeof fn !== "function") throw wrong(TypeError, "fn", "a function", fn);
  anObject("options", options);
  const runId = options.runId === undefined ? crypto.randomUUID() : runIdName(options.runId);
  const timeoutMillis = positiveInteger("timeoutMillis", options.timeoutMillis ?? 2000);

  const events: BusEvent[] = [];
  const runIds = new Set([runId]);
  const life = new Life();
  const tap = bus.tap({
    opened: (run) => {
      if (run.runId === runId) life.begins();
      else if (run.parentRunId && runIds.has(run.parentRunId)) runIds.add(run.runId);
    },
    event: (event) => void (runIds.has(event.runId) && events.push(event)),
    closed: (run) => void (run.runId === runId && life.ends(run.outcome)),
  });
  const reader = bus.subscribe(runId);
  const timer = new AbortController();
  try {
    const { result, error } = await settled(() => bus.run(runId, fn));
    const late = setTimeout(() => timer.abort(), timeoutMillis);
    const outcome = await ended(reader, life, timer.signal).finally(() => clearTimeout(late));
    if (timer.signal.aborted) throw tooLong(timeoutMillis, events);
    return recordedRun({ runId, events, outcome: outcome ?? "unknown", result, error });
  } finally {
    tap.close();
    reader.close();
  }
}

async function settled<T>(fn: () => T): Promise<{ result: Awaited<T> | undefined; error: unknown }> {
  try {
    return { result: await fn(), error: undefined };
  } catch (error) {
    return { result: undefined, error };
  }
}

/** The run from its first event to its close. A run of the same id that was over before is another. */
class Life {
  over: Promise<Outcome | undefined> | undefined;
  #end: (outcome: Outcome | undefined) => void = () => {};

  begins(): void {
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  ends(outcome: Outcome | undefined): void {
    this.#end(outcome);
  }
}

/** How the run ended. A run without events has no life, and a run that is joined began before: of those the reader knows. */
async function ended(reader: Subscription, life: Life, late: AbortSignal): Promise<Outcome | undefined> {
  const stopped = new Promise<undefined>((resolve) => {
    late.addEventListener("abort", () => {
      reader.close();
      resolve(undefined);
    });
  });
  // A subscription ends only for who reads it.
  for await (const _ of reader);
  return life.over ? Promise.race([life.over, stopped]) : (await reader.ended).outcome;
}

function tooLong(timeoutMillis: number, events: readonly BusEvent[]): Error {
  return new Error(
    `the run did not end within ${timeoutMillis} ms after its function had settled: a span of it is still open. ` +
      `Was a stream not read to its end?\n\n${outline(events)}`,
  );
}
