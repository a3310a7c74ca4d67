import { isName } from "../../bus/checks.js";

/** What the address of the page points at, behind `#`: a run, nothing in particular, or nothing that there is. */
export type Place =
  | { readonly kind: "start" }
  | { readonly kind: "run"; readonly runId: string }
  | { readonly kind: "nowhere" };

const start = /^#?\/?$/;
const run = /^#\/run\/([^/]+)$/;
const halfPair = /\p{Surrogate}/gu;

export function placeOf(hash: string): Place {
  if (start.test(hash)) return { kind: "start" };
  const segment = run.exec(hash)?.[1];
  try {
    return segment === undefined ? { kind: "nowhere" } : { kind: "run", runId: decodeURIComponent(segment) };
  } catch {
    return { kind: "nowhere" };
  }
}

/** Of any string: what no address can hold is replaced in it. */
export function hashOf(runId: string): string {
  return `#/run/${encodeURIComponent(runId.replace(halfPair, "\ufffd"))}`;
}

/** Whether an endpoint can be asked for a run of this id. One of another version may list ids that no address can hold. */
export function hasAddress(runId: string): boolean {
  return isName(runId) && runId.search(halfPair) < 0 && runId !== "." && runId !== "..";
}

/** Where the endpoint is: the page is at its root, with or without a slash at the end. */
export function endpointOf({ origin, pathname }: { readonly origin: string; readonly pathname: string }): string {
  return origin + pathname;
}
