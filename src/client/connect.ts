import {
  anObject,
  flag,
  isName,
  optionalFunction,
  optionalSignal,
  positiveInteger,
  runIdName,
  stringList,
  wrong,
} from "../bus/checks.js";
import type { BusEvent } from "../bus/event.js";
import type { AbortSignalLike, HistoryOptions } from "../bus/hub-options.js";
import type { RunInfo } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";
import type { Subscription } from "../bus/subscription.js";
import { eventsOf, runsOf, statsOf } from "./answers.js";
import type { ConnectionState } from "./connection-state.js";
import { Endpoint, type FetchLike, type HeadersLike, namedValues } from "./endpoint.js";
import { Lifetime } from "./lifetime.js";
import { RemoteSubscription } from "./remote-subscription.js";

export interface ConnectOptions {
  /** Default the global `fetch`. */
  readonly fetch?: FetchLike | undefined;
  /** Headers of every request, such as `authorization`: an object, `Headers`, or pairs. A function is asked before each. */
  readonly headers?: HeadersLike | undefined;
  /** Ends everything that was begun with this client. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many milliseconds a subscription tries to connect, or to come back, before it gives up. Each event starts the time anew,
   * and so does a connection that held for 5 seconds; a try that began in time may take 5 seconds. Default 60 000; `Infinity`
   * never gives up.
   */
  readonly giveUpMillis?: number | undefined;
  /**
   * After how many milliseconds without a byte, not even a heartbeat, a connection counts as lost. Default 60 000; it must be
   * longer than the heartbeat of the endpoint. It is also how long an answer to `history`, `runs` or `stats` may take.
   */
  readonly silenceMillis?: number | undefined;
}

/** What a remote reader may ask for. */
export interface RemoteSubscribeOptions {
  /** Ends the reader, normally. */
  readonly signal?: AbortSignalLike | undefined;
  /** Event types to read: exact names, or prefixes ending in `.*`. Default all. */
  readonly types?: readonly string[] | undefined;
  /** Told when the connection is there, is tried again, or is over. What it throws is ignored. */
  readonly onConnection?: ((state: ConnectionState, error?: Error) => void) | undefined;
}

export interface RemoteRunOptions extends RemoteSubscribeOptions {
  /** An event id: resume behind it. `"live"`: no replay. Default: everything kept, then live. */
  readonly after?: string | undefined;
  /** Waits for a run that the bus does not know yet; otherwise that is an error with status 404. Default true. */
  readonly wait?: boolean | undefined;
}

/** A bus in another process, read over its endpoint. */
export interface Client {
  /**
   * Reads one run: what is kept of it, then live, until it closes. A connection that was cut is made again and goes on
   * behind the last event; what is missing by then is told by a `bus.gap`. A run that was forgotten ends it as `dropped`.
   * `after: "live"` names no place to go on from: a cut before the first event is told by a `bus.gap` with reason `cut`.
   *
   * Its `next()` rejects with an `EndpointError` when the endpoint refuses or cannot be reached again; then `ended` says `cut`.
   */
  subscribe(runId: string, options?: RemoteRunOptions): Subscription;
  /**
   * Reads every run, live only. There is no place to go on from: after a cut a `bus.gap` with reason `cut` says that events
   * may be missing, without their number.
   */
  subscribeGlobal(options?: RemoteSubscribeOptions): Subscription;
  /** What is kept of a run, oldest first: the first `limit` behind `after`, or the newest `limit`. */
  history(runId: string, options?: HistoryOptions): Promise<readonly BusEvent[]>;
  /** Open runs and runs whose events are kept, newest activity first. */
  runs(): Promise<readonly RunInfo[]>;
  /** What the bus counted and holds, without depths. */
  stats(): Promise<BusStats>;
}

/**
 * Reads a bus over the endpoint that `createHandler` of `spanbus/http` serves. Nothing is asked before the first call; a
 * subscription connects at once, so that live events count from then on, and not only from the first read.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function connect(url: string | URL, options: ConnectOptions = {}): Client {
  anObject("options", options);
  const { signal, headers = {}, giveUpMillis = 60_000, silenceMillis = 60_000 } = options;
  optionalFunction("fetch", options.fetch);
  if (typeof headers !== "function") namedValues(headers);
  optionalSignal("signal", signal);
  if (giveUpMillis !== Number.POSITIVE_INFINITY) positiveInteger("giveUpMillis", giveUpMillis);
  positiveInteger("silenceMillis", silenceMillis);
  const fetchWith: FetchLike = options.fetch ?? ((to, init) => fetch(to, init));
  const endpoint = new Endpoint(checkedUrl(url), fetchWith, headers);
  const alive = new Lifetime(signal);
  const asked = { alive, millis: silenceMillis };

  const subscription = (path: string, runId: string | undefined, given: RemoteRunOptions): Subscription => {
    const { types, onConnection, after, wait = runId !== undefined, signal: own } = given;
    const query = { types: types?.join(",") };
    const start = { path, query, runId, after, wait, alive, signal: own, onConnection, giveUpMillis, silenceMillis };
    const reader = new RemoteSubscription(endpoint, start);
    return reader as RemoteSubscription & Subscription;
  };

  return {
    subscribe: (runId, given = {}) => {
      checkSubscribe(given);
      if (given.wait !== undefined) flag("wait", given.wait);
      checkAfter(given.after);
      return subscription(`${pathOf(runId)}/events`, runId, given);
    },
    subscribeGlobal: (given = {}) => {
      checkSubscribe(given);
      return subscription("/events", undefined, given);
    },
    history: async (runId, given = {}) => {
      anObject("options", given);
      const { after, limit } = given;
      checkAfter(after);
      if (limit !== undefined) positiveInteger("limit", limit);
      return endpoint.json(pathOf(runId), { after, limit }, { ...asked, shaped: eventsOf });
    },
    runs: () => endpoint.json("/runs", {}, { ...asked, shaped: runsOf }),
    stats: () => endpoint.json("/stats", {}, { ...asked, shaped: statsOf }),
  };
}

function pathOf(runId: string): string {
  runIdName(runId);
  // As a segment of a path they would lead elsewhere, encoded or not.
  if (/^\.\.?$/.test(runId)) throw wrong(RangeError, "runId", 'other than "." and "..", which no path can hold', runId);
  return `/runs/${encodeURIComponent(runId)}`;
}

function checkedUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrong(TypeError, "url", "an http or https address", url);
  }
  if (!/^https?:$/.test(parsed.protocol)) throw wrong(RangeError, "url", "an http or https address", url);
  const { username, password, search, hash } = parsed;
  // It may hold a secret, so it is not shown.
  if (username || password) throw new RangeError("`url` must not hold a user or a password: use the option `headers`");
  if (search || hash) throw new RangeError("`url` must not hold a query or a hash: paths are put behind it");
  return parsed;
}

function checkSubscribe(given: RemoteSubscribeOptions): void {
  anObject("options", given);
  const { signal, types, onConnection } = given;
  optionalSignal("signal", signal);
  optionalFunction("onConnection", onConnection);
  if (types === undefined) return;
  for (const type of stringList("types", types)) {
    if (!/^[^*,]+(\.\*)?$/.test(type)) throw wrong(RangeError, "types", "exact names or prefixes ending in `.*`", type);
  }
}

function checkAfter(after: unknown): void {
  if (after !== undefined && !isName(after)) throw wrong(TypeError, "after", 'an event id or "live"', after);
}
