import type { RunInfo } from "../../bus/run.js";
import { sumOfTotals } from "../totals.js";
import { endOf } from "./standing.js";

/** A run as `runs()` shows it: the answer of the script `describe`. Undefined for one that is no more. */
export function descriptionOf(runId: string, reply: unknown, subscribers: number): RunInfo | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [now, flat, traces] = reply as [unknown, readonly unknown[], readonly unknown[]];
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < flat.length; index += 2) fields.set(String(flat[index]), String(flat[index + 1]));
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  const end = endOf(fields.get("state"), fields.get("outcome"), number("lease") - Number(now));
  const text = <Name extends string>(name: Name) => {
    const value = fields.get(name);
    return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]: string });
  };
  const totals = [...fields].filter(([name]) => name.startsWith("totals:")).map(([, line]) => line);
  return {
    runId,
    generation: fields.get("epoch") ?? "",
    state: end ? "closed" : "open",
    ...(end?.outcome !== undefined && { outcome: end.outcome }),
    owned: false,
    ...text("parentRunId"),
    ...text("agentName"),
    ...text("conversationId"),
    traceIds: traces.map(String),
    startTime: number("start"),
    lastTime: fields.has("last") ? number("last") : number("start"),
    events: number("seq"),
    subscribers,
    ...sumOfTotals(totals, (relay) => !end && number(`lease:${relay}`) > Number(now)),
  };
}
