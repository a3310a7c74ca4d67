import { type Outcome, outcomes } from "../bus/event.js";

/** An outcome that this client knows: an endpoint may say more, or anything. */
export function knownOutcome(value: unknown): Outcome | undefined {
  return outcomes.find((each) => each === value);
}
