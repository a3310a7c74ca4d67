import type { Outcome, SubscriptionEnd } from "../../bus/event.js";
import { outcomes } from "../../bus/event.js";
import { type Line, lineOf } from "../batch.js";

/** Where a run stands in Redis, and entries of it: the answer of the script `read`. */
export interface Standing {
  readonly epoch: string;
  readonly seq: number;
  /** Seq of the newest event that was kept once and is no more. */
  readonly lost: number;
  /** How readers end; none while it goes on. */
  readonly end: SubscriptionEnd | undefined;
  /** It was told that the last producer was lost. Else `end` says so because none was heard of. */
  readonly isMissed: boolean;
  /** Milliseconds until its last producer counts as lost. */
  readonly leaseMillis: number;
  /** Generations that were closed before this one began, the latest first. */
  readonly earlier: readonly Closed[];
  readonly entries: readonly Entry[];
}

/** A generation that was closed, and where it ended. */
export interface Closed {
  readonly epoch: string;
  readonly seq: number;
  readonly outcome: Outcome;
}

/** Something that is kept, and the seq of its latest event. */
export interface Entry {
  readonly seq: number;
  readonly line: Line;
}

const HEAD = 7;

function closedOf(text: string): Closed {
  const [epoch = "", seq, outcome] = text.split(" ");
  return { epoch, seq: Number(seq), outcome: outcomeOf(outcome) };
}

/** The epoch in ids of a run that is not known yet. None is called so: behind such an id is everything. */
export const unknownEpoch = "-";

/** How readers end when nobody keeps the run alive. */
export const missed: SubscriptionEnd = Object.freeze({ reason: "producer-lost", outcome: "abandoned" });

/** Undefined for a run that is not known. */
export function standingOf(reply: unknown): Standing | undefined {
  if (!Array.isArray(reply)) return undefined;
  const fields = reply.map(String);
  const [epoch = "", seq, lost, state, outcome, lease, earlier = ""] = fields;
  const entries: Entry[] = [];
  for (let index = HEAD; index + 1 < fields.length; index += 2) {
    entries.push({ seq: Number(fields[index]), line: lineOf(fields[index + 1] ?? "") });
  }
  return {
    epoch,
    seq: Number(seq),
    lost: Number(lost),
    end: endOf(state, outcome, Number(lease)),
    isMissed: state === "lost",
    leaseMillis: Number(lease),
    earlier: earlier.split(",").filter(Boolean).map(closedOf),
    entries,
  };
}

/** How readers end, as far as it is known: silence of the producers means nothing while they could not be heard. */
export function sureEnd({ end, isMissed }: Standing, isSteady: boolean): SubscriptionEnd | undefined {
  return end?.reason === "producer-lost" && !isMissed && !isSteady ? undefined : end;
}

/** How a run in this state ended: one that is open has ended, too, when nobody keeps it alive. */
export function endOf(
  state: string | undefined,
  outcome: string | undefined,
  leaseMillis: number,
): SubscriptionEnd | undefined {
  if (state === "lost" || (state === "open" && leaseMillis <= 0)) return missed;
  return state === "open" ? undefined : { reason: "closed", outcome: outcomeOf(outcome) };
}

export function outcomeOf(text: string | undefined): Outcome {
  return outcomes.find((each) => each === text) ?? "unknown";
}
