import { Tally } from "../bus/tally.js";
import type { EventKind } from "./span-record.js";

/** What a span is to the tokens of another one: the calls below an agent are its work, an embedding is no other's. */
export type TokenRole = "agent" | "call" | "embedding";

/** What stands between a span and one below it. */
export type Between = "nothing" | "agent" | "tool";

export function tokenRole(kind: EventKind): TokenRole {
  if (kind === "agent.invocation") return "agent";
  return kind === "agent.embedding" ? "embedding" : "call";
}

/** What stands between, when a span of this kind does as well. */
export function beyond(between: Between, kind: EventKind | undefined): Between {
  if (kind === "agent.tool") return "tool";
  return kind === "agent.invocation" && between === "nothing" ? "agent" : between;
}

/** Whether a span would tell once more what one below it told. */
export function tellsAgain(around: TokenRole, below: TokenRole, between: Between): boolean {
  if (around === "embedding" || below === "embedding") return around === below && between === "nothing";
  if (around === "agent") return below !== "agent" || between !== "tool";
  return between === "nothing";
}

/** What happened in one run below a span of which only the end may show what it is. */
export class Below extends Tally {
  /** By what the span may turn out to be: it would tell again what was told below it. */
  readonly tokens = { agent: false, call: false, embedding: false };
  /** With no agent or tool between: a model call began, and the latest tool that did. */
  #modelCall = false;
  #toolName: string | undefined;

  told(role: TokenRole, between: Between): void {
    const { tokens } = this;
    tokens.agent ||= tellsAgain("agent", role, between);
    tokens.call ||= tellsAgain("call", role, between);
    tokens.embedding ||= tellsAgain("embedding", role, between);
  }

  began(kind: EventKind, toolName: string | undefined): void {
    if (kind === "agent.model") this.#modelCall = true;
    else if (kind === "agent.tool") this.#toolName = toolName;
  }

  /** Whether a span below does the work of one of this kind. */
  hasBegun(kind: EventKind, toolName: string | undefined): boolean {
    return kind === "agent.model" ? this.#modelCall : kind === "agent.tool" && this.#toolName === toolName;
  }
}
