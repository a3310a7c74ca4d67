import { Run } from "../../bus/run.js";

/** What readers of a run attach to: a generation, until it ends, or pauses. */
export class Life extends Run {
  /** Id of the last event of the run, once this is over: by then another generation may have begun. */
  endId: string | undefined;
}
