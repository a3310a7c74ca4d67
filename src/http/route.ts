import { runIdName } from "../bus/checks.js";
import type { Asked } from "./authorize.js";
import { Problem } from "./problem.js";

/** What a path leads to. */
export type Route =
  | { readonly to: "page" | "runs" | "stats" | "global" }
  | { readonly to: "history" | "run"; readonly runId: string }
  | { readonly to: "several"; readonly runIds: readonly string[] };

/** A query is a cursor, some types and run ids; what is longer is a mistake. */
const MAX_QUERY = 8192;
/** Runs that one stream may name. */
const MAX_RUNS = 100;

/** @throws Problem 400, 404 or 414. It is not known yet who asks, so it tells nothing of what is on the bus. */
export function routeOf(url: URL, basePath: string): Route {
  if (url.search.slice(1).length > MAX_QUERY)
    throw new Problem(414, `the query must be at most ${MAX_QUERY} characters`);
  const [first, second, third, ...rest] = segments(url.pathname, basePath);
  if (first === undefined) return { to: "page" };
  if (rest.length > 0) throw unknownPath();
  if (first === "runs" && second !== undefined) {
    if (third === undefined) return { to: "history", runId: runIdOf(decoded(second)) };
    if (third === "events") return { to: "run", runId: runIdOf(decoded(second)) };
  }
  if (second !== undefined) throw unknownPath();
  if (first === "runs" || first === "stats") return { to: first };
  if (first === "events") return eventsOf(url);
  throw unknownPath();
}

/** What `authorize` is asked for a route. */
export function askedBy(route: Route): readonly Asked[] {
  switch (route.to) {
    case "several":
      return route.runIds.map((runId) => ({ scope: "run", runId }));
    case "history":
    case "run":
      return [{ scope: "run", runId: route.runId }];
    default:
      return [{ scope: route.to }];
  }
}

/** Cut before they are decoded: a run id may hold a slash. One slash at the end is none. */
function segments(pathname: string, basePath: string): string[] {
  if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) throw unknownPath();
  const path = pathname.slice(basePath.length).replace(/^\//, "").replace(/\/$/, "");
  return path === "" ? [] : path.split("/");
}

function eventsOf(url: URL): Route {
  const runIds = new Set(url.searchParams.getAll("run").map(runIdOf));
  if (runIds.size === 0) return { to: "global" };
  if (runIds.size > MAX_RUNS) throw new Problem(400, `\`run\` may be given ${MAX_RUNS} times, got ${runIds.size}`);
  return { to: "several", runIds: [...runIds] };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, "the run id in the path must be percent-encoded UTF-8");
  }
}

function runIdOf(value: string): string {
  try {
    return runIdName(value);
  } catch (error) {
    throw new Problem(400, (error as Error).message);
  }
}

function unknownPath(): Problem {
  return new Problem(404, "there is nothing at this path");
}
