import { wrong } from "../bus/checks.js";
import { parseCursor } from "../bus/cursor.js";
import { checkedSubscribe } from "../bus/hub-options.js";
import { Problem } from "./problem.js";

/** Where the client wants to go on: `Last-Event-ID`, which is newer than the address, else `?after=`. */
export function cursorOf(request: Request, url: URL): string | undefined {
  const header = request.headers.get("Last-Event-ID");
  return header ? cursor("Last-Event-ID", header) : afterOf(url);
}

/** An event id, or `live`. */
export function afterOf(url: URL): string | undefined {
  const after = url.searchParams.get("after");
  if (after === null || after === "live") return after ?? undefined;
  return cursor("after", after);
}

/** A stream of several runs has no place to resume from. */
export function refuseCursor(request: Request, url: URL): void {
  if (request.headers.get("Last-Event-ID") || url.searchParams.has("after"))
    throw new Problem(400, "a stream of several runs cannot be resumed: `Last-Event-ID` and `after` are for one run");
}

export function limitOf(url: URL): number | undefined {
  const limit = url.searchParams.get("limit");
  if (limit === null) return undefined;
  const value = /^[0-9]{1,15}$/.test(limit) ? Number(limit) : 0;
  if (value < 1) throw bad(wrong(RangeError, "limit", "a positive integer", limit));
  return value;
}

/** `?wait`, `?wait=true` or `?wait=false`. */
export function waitOf(url: URL): boolean {
  const wait = url.searchParams.get("wait");
  if (wait === null || wait === "false") return false;
  if (wait === "" || wait === "true") return true;
  throw bad(wrong(RangeError, "wait", "true or false", wait));
}

/** Types to read, separated by commas or given several times. */
export function typesOf(url: URL): readonly string[] | undefined {
  const given = url.searchParams.getAll("types");
  if (given.length === 0) return undefined;
  const types = given.flatMap((list) => list.split(","));
  try {
    return checkedSubscribe("options", { types }).types;
  } catch (error) {
    throw bad(error);
  }
}

function cursor(name: string, value: string): string {
  if (parseCursor(value) === undefined) throw bad(wrong(RangeError, name, "an event id", value));
  return value;
}

function bad(error: unknown): Problem {
  return new Problem(400, (error as Error).message);
}
