import type { BusEvent } from "../../bus/event.js";

/** What a span does, as the page colours and names it. */
export type Kind = "agent" | "step" | "model" | "tool" | "lookup" | "check" | "other";

const kinds: Readonly<Record<string, Kind>> = {
  invocation: "agent",
  workflow: "agent",
  step: "step",
  model: "model",
  tool: "tool",
  mcp: "tool",
  retrieval: "lookup",
  embedding: "lookup",
  rerank: "lookup",
  memory: "lookup",
  guardrail: "check",
  evaluation: "check",
};

/** An event of a span's life. `undefined` for any other. */
export interface Phase {
  readonly operation: string;
  readonly phase: "started" | "completed" | "failed";
}

const phased = /^(?:agent\.(\w+)|span)\.(started|completed|failed)$/;

export function phaseOf({ type, spanId }: BusEvent): Phase | undefined {
  const match = spanId === undefined ? null : phased.exec(type);
  if (!match) return undefined;
  return { operation: match[1] ?? "span", phase: match[2] as Phase["phase"] };
}

export function kindOf(operation: string): Kind {
  return Object.hasOwn(kinds, operation) ? (kinds[operation] ?? "other") : "other";
}

/** What an operation is called where its kind would say too little. */
export function wordOf(operation: string): string {
  return operation === "invocation" ? "agent" : operation;
}

/** Under which name an event is filtered: what it tells about, or the first word of a type of the user's own. */
export function familyOf(type: string): string {
  const [first = "", second = ""] = type.split(".");
  if (first === "agent") return second === "terminate" ? "agent" : wordOf(second);
  return first;
}
