import type { EndReason, ErrorData, Outcome, SubscriptionEnd } from "../bus/event.js";

/** How a run ended, as AG-UI tells it. `failure` undefined: it finished. */
export interface RunEnd {
  readonly outcome?: { readonly type: "success" } | { readonly type: "cancelled" };
  readonly failure?: { readonly message: string; readonly code: string };
}

/** Outcomes of a run that did not do what it was asked. */
const FAILED: Readonly<Partial<Record<Outcome, string>>> = {
  failed: "The run failed.",
  abandoned: "The run was given up: some of its work never ended.",
  idle: "The run was closed, since nothing happened in it for too long.",
};

/** The reader left before the run was over. */
const LEFT: Readonly<Record<EndReason, string>> = {
  closed: "The stream ended, and how the run ended is not known.",
  aborted: "Reading was aborted before the run was over.",
  returned: "Reading was stopped before the run was over.",
  idle: "Reading was stopped, since no event came for too long.",
  evicted: "The run was forgotten to make room for others.",
  dropped: "The run was dropped.",
  shutdown: "The process that holds the run is shutting down.",
  cut: "The process that holds the run could not be reached any more.",
  "producer-lost": "The process that works on the run was lost.",
};

/** A run that is over ended by its outcome; else nobody knows, and that is an error. */
export function runEnd({ reason, outcome }: SubscriptionEnd, error: ErrorData | undefined): RunEnd {
  if (outcome === undefined || reason === "producer-lost") {
    // Another process may know reasons that this one does not.
    return { failure: { message: LEFT[reason] ?? LEFT.closed, code: reason } };
  }
  if (outcome === "completed") return { outcome: { type: "success" } };
  if (outcome === "cancelled") return { outcome: { type: "cancelled" } };
  const message = FAILED[outcome];
  if (message === undefined) return {};
  return outcome === "failed" && error
    ? { failure: { message: error.message, code: error.type } }
    : { failure: { message, code: outcome } };
}
