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
 * `runs` for `runs`; `{ where, runs }` fits all. A filter that throws hides.
 *
 * A filter bounds what is told, not that there is something: `where` for a run that shall not be known to exist still tells
 * how it ended, and a gap how much is missing. Return `false` for it.
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

/** Which filter bounds what was asked; `stats` and `page` tell of no run. */
const filterOf = { run: "where", global: "where", runs: "runs", stats: undefined, page: undefined } as const;

/**
 * Asks, and takes only what is surely a permission.
 *
 * @throws Problem 403; TypeError for an answer that is none of those allowed; whatever `authorize` throws.
 */
export async function permission(authorize: Authorize, request: Request, asked: Asked): Promise<Grant | Response> {
  const answer: unknown = await authorize(request, asked);
  if (answer === true) return {};
  if (!answer) throw new Problem(403, "this request may not read that");
  if (isResponse(answer)) return answer;
  if (isGrant(answer)) {
    const needed = filterOf[asked.scope];
    if (needed === undefined || answer[needed]) return answer;
    throw new TypeError(
      `\`authorize\` must return \`${needed}\` for the scope "${asked.scope}", got another filter only`,
    );
  }
  throw new TypeError(`\`authorize\` must return true, false, a Response, or { where, runs }, got ${typeof answer}`);
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
