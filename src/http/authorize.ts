import type { BusEvent } from "../bus/event.js";
import type { RunInfo } from "../bus/run.js";
import { Problem } from "./problem.js";

/**
 * What a request wants to read. `run`: the events of one run, or how it stands; asked once for each run that a request
 * names. `global`: events of all runs. `runs`: the list of runs. `stats`: figures of the whole bus, without ids. `page`: the
 * page, which then asks for the others.
 */
export type Asked =
  | { readonly scope: "run"; readonly runId: string }
  | { readonly scope: "global" | "runs" | "stats" | "page"; readonly runId?: undefined };

/**
 * Permission for a part. The filter that fits what was asked must be there, others may be: `where` for `run` and `global`,
 * `runs` for `runs`; `{ where, runs }` fits all but `stats`, whose figures no filter bounds: they are for `true` only, and a
 * grant is refused with 403. A filter that throws hides.
 *
 * `where` filters events and nothing else. That a run exists, how it ended, and by a gap how much is missing behind which id, the
 * stream of that run tells all the same; that of all runs names none of which it shows nothing. Where existence is a secret
 * decide by `runId` when `scope` is `run`, and return `false`.
 */
export interface Grant {
  /** Events that may be read. Synchronous; on live streams it runs in the publisher's call. */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /** Runs that may be listed. Synchronous. */
  readonly runs?: ((run: RunInfo) => boolean) | undefined;
}

/** `true`: everything. `false`: 403. A `Response` is sent as it is, for a 401 or a redirect. */
export type Permission = boolean | Response | Grant;

/** A throw is answered with 500, without its text. */
export type Authorize = (request: Request, asked: Asked) => Permission | Promise<Permission>;

/** Which filter bounds what was asked. The page tells of no run, and no filter bounds `stats`. */
const filterOf = { run: "where", global: "where", runs: "runs", page: undefined } as const;

/**
 * Asks, and takes only what is surely a permission.
 *
 * @throws Problem 403; TypeError for an answer that is none of those allowed; whatever `authorize` throws.
 */
export async function permission(authorize: Authorize, request: Request, asked: Asked): Promise<Grant | Response> {
  const answer: unknown = await authorize(request, asked);
  if (answer === true) return {};
  if (!answer) throw refused();
  if (isResponse(answer)) return answer;
  if (isGrant(answer)) {
    if (asked.scope === "stats") throw refused();
    const needed = filterOf[asked.scope];
    if (needed === undefined || answer[needed]) return answer;
    throw new TypeError(
      `\`authorize\` must return \`${needed}\` for the scope "${asked.scope}", got another filter only`,
    );
  }
  throw new TypeError(`\`authorize\` must return true, false, a Response, or { where, runs }, got ${typeof answer}`);
}

function refused(): Problem {
  return new Problem(403, "this request may not read that");
}

/** By shape: adapters have classes of their own. */
export function isResponse(value: unknown): value is Response {
  return typeof value === "object" && value !== null && "status" in value && "headers" in value && "body" in value;
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== "object" || value === null) return false;
  const filters = Object.entries(value).filter(([, filter]) => filter !== undefined);
  return (
    filters.length > 0 &&
    filters.every(([name, filter]) => (name === "where" || name === "runs") && typeof filter === "function")
  );
}
