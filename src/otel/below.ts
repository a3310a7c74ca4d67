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

/** An agent or a tool: what is below does not do its work but work of its own. */
export function isLevel(kind: EventKind | undefined): boolean {
  return kind === "agent.invocation" || kind === "agent.tool";
}

/** Whether a span would tell once more what one below it told. */
export function tellsAgain(around: TokenRole, below: TokenRole, between: Between): boolean {
  if (around === "embedding" || below === "embedding") return around === below && between === "nothing";
  if (around === "agent") return below !== "agent" || between !== "tool";
  return between === "nothing";
}

/** What a tally counts. */
const counts = ["modelCalls", "toolCalls", "failedToolCalls", "inputTokens", "outputTokens"] as const;

/** Who told tokens, and what stands between. */
interface Telling {
  readonly role: TokenRole;
  readonly between: Between;
}

/** What happened in one run below a span of which only the end may show what it is. */
export class Below extends Tally {
  #told: readonly Telling[] = [];
  /** With no agent or tool between: a model call began, and the latest tool that did. */
  #modelCall = false;
  #toolName: string | undefined;

  told(role: TokenRole, between: Between): void {
    if (!this.#told.some((one) => one.role === role && one.between === between))
      this.#told = [...this.#told, { role, between }];
  }

  /** Whether a span with this role would tell again what was told below it. */
  hasTold(around: TokenRole): boolean {
    return this.#told.some(({ role, between }) => tellsAgain(around, role, between));
  }

  began(kind: EventKind, toolName: string | undefined): void {
    if (kind === "agent.model") this.#modelCall = true;
    else if (kind === "agent.tool") this.#toolName = toolName;
  }

  /** Whether a span below does the work of one of this kind. */
  hasBegun(kind: EventKind, toolName: string | undefined): boolean {
    return kind === "agent.model" ? this.#modelCall : kind === "agent.tool" && this.#toolName === toolName;
  }

  /** What this is to a span around one of this kind. */
  beyond(kind: EventKind | undefined): Below {
    const below = new Below();
    for (const name of counts) below[name] = this[name];
    for (const { role, between } of this.#told) below.told(role, beyond(between, kind));
    if (isLevel(kind)) return below;
    below.#modelCall = this.#modelCall;
    below.#toolName = this.#toolName;
    return below;
  }

  /** What is below the other is below this, too. */
  join(other: Below): void {
    for (const name of counts) this[name] += other[name];
    for (const { role, between } of other.#told) this.told(role, between);
    this.#modelCall ||= other.#modelCall;
    this.#toolName ??= other.#toolName;
  }

  /** What the other counts is not counted here. */
  subtract(other: Below): void {
    for (const name of counts) this[name] -= other[name];
  }
}
