import type { BusEvent } from "../../bus/event.js";
import { dataOf, errorOf, numberOf, shown, textOf } from "./event-data.js";
import { phaseOf } from "./operations.js";
import { plain } from "./visible-text.js";
import { count, duration } from "./words.js";

/** An event in a line, without its type. */
export function summaryOf(event: BusEvent): string {
  const data = dataOf(event);
  const phase = phaseOf(event);
  if (phase) {
    const agent = textOf(data["agentName"]);
    const what = textOf(data["toolName"]) ?? textOf(data["mcpMethod"]) ?? textOf(data["model"]) ?? textOf(data["name"]);
    const who = phase.operation === "invocation" ? (agent ?? what) : (what ?? agent);
    const step = phase.operation === "step" ? numberOf(data["step"]) : undefined;
    const error = errorOf(data);
    if (error) return parts(who, `${error.type}: ${error.message}`);
    const took = numberOf(data["durationMillis"]);
    const content =
      phase.phase === "started"
        ? (textOf(data["arguments"]) ?? textOf(data["input"]))
        : (textOf(data["result"]) ?? textOf(data["output"]));
    return parts(
      step === undefined || what !== undefined ? who : `step ${step}`,
      took === undefined ? undefined : duration(took),
      textOf(data["finishReason"]),
      content,
    );
  }
  switch (event.type) {
    case "bus.gap":
      return gapWords(data);
    case "agent.tokens.used":
      return `${count(numberOf(data["inputTokens"]) ?? 0)} in, ${count(numberOf(data["outputTokens"]) ?? 0)} out`;
    case "agent.model.first_chunk":
      return `after ${duration(numberOf(data["timeToFirstChunkMillis"]) ?? Number.NaN)}`;
    case "agent.model.chunk":
      return textOf(data["text"]) ?? `${numberOf(data["chunks"]) ?? 1} chunks`;
    case "agent.handoff":
      return `${textOf(data["from"]) ?? "?"} → ${textOf(data["to"]) ?? "?"}`;
    case "agent.terminate": {
      const error = errorOf(data);
      const took = duration(numberOf(data["durationMillis"]) ?? Number.NaN);
      return parts(textOf(data["reason"]), took, error && `${error.type}: ${error.message}`);
    }
    default:
      return Object.keys(data).length === 0 ? "" : shown(data).replace(/\s+/g, " ").slice(0, 240);
  }
}

/** What a gap means, in words for people. */
export function gapWords(data: Readonly<Record<string, unknown>>): string {
  const missed = numberOf(data["missed"]) ?? 0;
  const many = missed === 0 ? "Events" : missed === 1 ? "1 event" : `${count(missed)} events`;
  const are = missed === 1 ? "is" : "are";
  switch (data["reason"]) {
    case "lagged":
      return `${many} ${are} missing: this page read too slowly`;
    case "evicted":
      return `${many} ${are} missing: no longer kept by the bus`;
    case "generation":
      return "The run began anew: what was before is another life of it";
    case "cut":
      return missed === 0
        ? "Events may be missing: the connection was lost"
        : `${many} ${are} missing: lost on the way`;
    default:
      return `${many} ${are} missing: ${plain(shown(data["reason"]))}`;
  }
}

function parts(...all: (string | undefined)[]): string {
  return all.filter((part) => part !== undefined).join(" · ");
}
