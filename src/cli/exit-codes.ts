import type { Outcome } from "../bus/event.js";

/** What the exit code of a command says. The help is made from this table. */
export const exits = {
  completed: { code: 0, says: "the run completed, or nobody takes the output any more (`| head`)" },
  stopped: { code: 0, says: "stopped by Ctrl-C or SIGTERM" },
  failed: { code: 1, says: "the run failed, was cancelled, abandoned or idle for too long" },
  cannotStart: { code: 1, says: "it cannot start: a package is missing, or the port is taken" },
  usage: { code: 2, says: "wrong arguments" },
  cut: {
    code: 3,
    says: "cut: the endpoint cannot be reached, or not again, or the run was forgotten before it was over",
  },
  notFound: { code: 4, says: "not found: the endpoint does not know the run" },
  refused: { code: 5, says: "the endpoint refuses, or is none of spanbus" },
  unknown: { code: 6, says: "the run is over, and nobody knows how it ended" },
  unwritten: { code: 7, says: "the output could not be written, for example to a full disk" },
  interrupted: { code: 130, says: "interrupted by Ctrl-C" },
  terminated: { code: 143, says: "ended by SIGTERM" },
} as const satisfies Record<string, { code: number; says: string }>;

export type Exit = keyof typeof exits;

const byOutcome: Readonly<Record<Outcome, Exit>> = {
  completed: "completed",
  failed: "failed",
  cancelled: "failed",
  abandoned: "failed",
  idle: "failed",
  detached: "unknown",
  unknown: "unknown",
};

/** What comes from an endpoint may be an outcome of a later version. */
export function exitOfOutcome(outcome: string | undefined): Exit {
  return typeof outcome === "string" && Object.hasOwn(byOutcome, outcome) ? byOutcome[outcome as Outcome] : "unknown";
}

/** By HTTP status; undefined when there was no answer. */
export function exitOfStatus(status: number | undefined): Exit {
  if (status === 404) return "notFound";
  const isPassing = status === undefined || status >= 500 || status === 408 || status === 429;
  return isPassing ? "cut" : "refused";
}
