import type { Operation } from "../bus/event.js";

/** The agent of the run, or a sub-agent. */
export interface Agent {
  /** None: the agent of the run. */
  readonly id?: string;
  /** Names of its steps that are open: AG-UI pairs steps by name. */
  readonly steps: Set<string>;
  /** The reply its newest model call writes; none while several write at once. */
  reply?: Reply | undefined;
  readonly writing: Set<Reply>;
}

/** What one model call says, however many spans tell of the call. */
export interface Reply {
  readonly messageId: string;
  readonly agent: Agent;
  state: "silent" | "open" | "over";
  /** Of the spans of the call, the one that spoke first. The others say the same. */
  speaker?: Work;
  /** What was said so far, for as long as one event could repeat it. */
  said: string;
}

/** What the front end knows of a span. */
export type Face =
  | { readonly kind: "agent"; readonly agent: Agent }
  | { readonly kind: "step"; readonly stepName: string }
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "tool"; readonly toolCallId: string; state: "started" | "called" }
  /** Nothing: another span tells the same, or the run itself does. */
  | { readonly kind: "hidden" };

/** A span at work. */
export interface Work {
  readonly operation: Operation;
  readonly spanId: string | undefined;
  readonly name: string | undefined;
  readonly toolCallId: string | undefined;
  readonly parent: Work | undefined;
  /** Whom it works for. */
  readonly agent: Agent;
  readonly face: Face;
  /** Something was said in it. */
  hasSpoken: boolean;
  /** Its end came; it may have been closed without. */
  hasEnded: boolean;
}

/** The agent that what is inside of a work belongs to. */
export function agentInside({ face, agent }: Work): Agent {
  return face.kind === "agent" ? face.agent : agent;
}

/** The work and everything around it, innermost first. */
export function* outwards(work: Work | undefined): Generator<Work> {
  for (let each = work; each; each = each.parent) yield each;
}

export function newAgent(id?: string): Agent {
  return { ...(id !== undefined && { id }), steps: new Set(), writing: new Set() };
}
