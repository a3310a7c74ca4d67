import { isName } from "../bus/checks.js";

/** Whether an endpoint can be asked for a run of this id: no path can hold `.` or `..` as a segment. */
export function hasAddress(runId: string): boolean {
  return isName(runId) && runId !== "." && runId !== "..";
}
