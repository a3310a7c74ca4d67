import { anObject, positiveInteger, runIdName, wrong } from "../bus/checks.js";
import type { BusEvent } from "../bus/event.js";
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
  const tap = bus.tap({
    opened: ({ runId: opened, parentRunId }) => void (parentRunId && runIds.has(parentRunId) && runIds.add(opened)),
    event: (event) => void (runIds.has(event.runId) && events.push(event)),
  });
  const reader = bus.subscribe(runId);
  try {
    const { result, error } = await settled(() => bus.run(runId, fn));
    const { outcome } = await ended(reader, timeoutMillis, () => tooLong(timeoutMillis, events));
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

/** Reads on, since a subscription ends only for who reads it. */
async function ended(reader: Subscription, timeoutMillis: number, late: () => Error) {
  const timer = setTimeout(() => reader.close(), timeoutMillis);
  for await (const _ of reader);
  clearTimeout(timer);
  const end = await reader.ended;
  if (end.reason === "returned") throw late();
  return end;
}

function tooLong(timeoutMillis: number, events: readonly BusEvent[]): Error {
  return new Error(
    `the run did not end within ${timeoutMillis} ms after its function had settled: a span of it is still open. ` +
      `Was a stream not read to its end?\n\n${outline(events)}`,
  );
}
