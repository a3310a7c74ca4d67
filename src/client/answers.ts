import type { BusEvent } from "../bus/event.js";
import type { RunInfo } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";

/** The shape of an answer is checked as far as it tells an endpoint from something else. Undefined: it is none. */

export function runsOf(answer: unknown): readonly RunInfo[] | undefined {
  return listOf<RunInfo>(answer, "runs", "runId", "generation");
}

export function eventsOf(answer: unknown): readonly BusEvent[] | undefined {
  return listOf<BusEvent>(answer, "events", "id", "runId", "type");
}

export function statsOf(answer: unknown): BusStats | undefined {
  return isRecord(answer) && typeof answer["runSubscribers"] === "number" ? (answer as unknown as BusStats) : undefined;
}

/** A list of objects that all have these texts. */
function listOf<T>(answer: unknown, name: string, ...texts: readonly string[]): readonly T[] | undefined {
  const list = isRecord(answer) ? answer[name] : undefined;
  if (!Array.isArray(list)) return undefined;
  const isList = list.every((each) => isRecord(each) && texts.every((text) => typeof each[text] === "string"));
  return isList ? (list as readonly T[]) : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
