import { type Note, note } from "../inputs/notes.js";

/** Many runs and their histories. */
export interface Store {
  publish(runId: string, note: Note): void;
  /** What a reader that comes late is given, without waiting. */
  replay(runId: string): Promise<Note[]>;
}

/** Fills the histories of that many runs in rotation. */
export function fill(store: Store, runIds: readonly string[], perRun: number): void {
  for (let n = 1; n <= perRun; n += 1) for (const runId of runIds) store.publish(runId, note(n));
}
