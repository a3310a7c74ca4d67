import type { Goal } from "./row.js";

/** A case beside another, by one figure. `what` tells which of several things is looked at. */
interface Beside {
  readonly row: string;
  readonly what?: string;
  readonly who: string;
  readonly to: string;
  readonly figure: string;
}

/** It takes at most so many times what the other takes. */
export function atMost(times: number, { row, what, who, to, figure }: Beside): Goal {
  const got: Goal["got"] = (of) => of(who, figure) / of(to, figure);
  return { row, says: saying(what, `to ${to}`), got, atMost: times };
}

/** It is so many times faster than the other. */
export function faster(times: number, { row, what, who, to, figure }: Beside): Goal {
  const got: Goal["got"] = (of) => of(to, figure) / of(who, figure);
  return { row, says: saying(what, `faster than ${to}`), got, atLeast: times };
}

/** The same of the origin, which was measured once, beside the limit that is `to` here: it took `slower` times as long. */
export function fasterThanOrigin(times: number, slower: number, { row, what, who, to, figure }: Beside): Goal {
  const got: Goal["got"] = (of) => (slower * of(to, figure)) / of(who, figure);
  const says = saying(what, `faster than the origin (${slower} times the limit, measured before)`);
  return { row, says, got, atLeast: times };
}

function saying(what: string | undefined, than: string): string {
  return what === undefined ? than : `${what}, ${than}`;
}
