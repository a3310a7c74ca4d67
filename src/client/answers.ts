import type { BusEvent } from "../bus/event.js";
import type { RunInfo } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";
import { checkedEvent } from "../wire/event-json.js";
import { knownOutcome } from "./known-outcome.js";

/** The shape of an answer is checked as far as it tells an endpoint from something else. Undefined: it is none. */

export function runsOf(answer: unknown): readonly RunInfo[] | undefined {
  return listOf(answer, "runs", checkedRun);
}

export function eventsOf(answer: unknown): readonly BusEvent[] | undefined {
  return listOf(answer, "events", checkedEvent);
}

export function statsOf(answer: unknown): BusStats | undefined {
  return isRecord(answer) && typeof answer["runSubscribers"] === "number" ? (answer as unknown as BusStats) : undefined;
}

/** A list whose items `checked` all takes. */
function listOf<T>(answer: unknown, name: string, checked: (each: unknown) => T): readonly T[] | undefined {
  const list = isRecord(answer) ? answer[name] : undefined;
  if (!Array.isArray(list)) return undefined;
  try {
    return list.map(checked);
  } catch {
    return undefined;
  }
}

/** What a run is sorted, searched and named by is as it should be. @throws TypeError if it is not. */
function checkedRun(run: unknown): RunInfo {
  const isRun =
    isRecord(run) &&
    [run["runId"], run["generation"]].every(isText) &&
    (run["state"] === "open" || run["state"] === "closed") &&
    [run["startTime"], run["lastTime"]].every(Number.isFinite) &&
    [run["agentName"], run["conversationId"], run["parentRunId"]].every(isTextOrNone) &&
    Array.isArray(run["traceIds"]) &&
    run["traceIds"].every(isText);
  if (!isRun) throw new TypeError("this is no run");
  const { outcome, ...rest } = run;
  const known = knownOutcome(outcome);
  return { ...rest, ...(known && { outcome: known }) } as unknown as RunInfo;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
