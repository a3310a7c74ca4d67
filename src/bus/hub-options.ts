import { anObject, flag, optionalFunction, optionalSignal, positiveInteger, stringList, wrong } from "./checks.js";
import type { BusEvent, EventDraft } from "./event.js";

/** Limits and hooks of the hub. Every limit is a positive integer. */
export interface HubOptions {
  /** Events kept of each run for replay. Default 500. */
  readonly historyPerRun?: number | undefined;
  /** Runs whose events are kept. The least recently published goes first, runs that are open or read last. Default 200. */
  readonly maxRuns?: number | undefined;
  /** Bytes of JSON kept over all runs. Default 67 108 864 (64 MiB). */
  readonly maxHistoryBytes?: number | undefined;
  /** Live events a reader may leave unread before it loses the oldest. Default 1024. */
  readonly maxQueueSize?: number | undefined;
  /** Readers of the global stream. Default 50. */
  readonly maxGlobalSubscribers?: number | undefined;
  /** Readers of runs, all runs together. Default 10 000. */
  readonly maxRunSubscribers?: number | undefined;
  /**
   * Runs open at once; beyond it the least recently published is closed as `abandoned`, or detached if it is of another
   * process. One of another process takes no place of one that is owned here. Default 10 000.
   */
  readonly maxOpenRuns?: number | undefined;
  /** Event types that are delivered live but not kept. Default `["agent.model.chunk"]`. */
  readonly transient?: readonly string[] | undefined;
  /**
   * Changes or withholds every event before it gets an id, is kept or is seen by anybody. Synchronous. `data` and
   * `attributes` of what it returns are published; `undefined`, a throw or a promise withholds the event.
   */
  readonly redact?: ((draft: EventDraft) => EventDraft | undefined) | undefined;
  /** A run without an event for this long is closed as `idle`, in milliseconds. Default 3 600 000 (1 hour). */
  readonly idleTimeoutMillis?: number | undefined;
  /** A reader that leaves waiting events unread for this long is ended as `idle`, in milliseconds. Default 300 000 (5 minutes). */
  readonly unreadTimeoutMillis?: number | undefined;
}

const limits = {
  historyPerRun: 500,
  maxRuns: 200,
  maxHistoryBytes: 64 * 1024 * 1024,
  maxQueueSize: 1024,
  maxGlobalSubscribers: 50,
  maxRunSubscribers: 10_000,
  maxOpenRuns: 10_000,
  idleTimeoutMillis: 3_600_000,
  unreadTimeoutMillis: 300_000,
} as const;

export type HubSettings = Record<keyof typeof limits, number> & {
  readonly transient: ReadonlySet<string>;
  readonly redact: HubOptions["redact"];
};

export function hubSettings(given: HubOptions): HubSettings {
  return {
    ...checkedLimits<keyof typeof limits>(limits, given),
    transient: new Set(stringList("transient", given.transient ?? ["agent.model.chunk"])),
    redact: optionalFunction("redact", given.redact),
  };
}

/** Every limit of the table, as given or by default. */
export function checkedLimits<Name extends string>(
  defaults: Readonly<Record<Name, number>>,
  given: { readonly [N in Name]?: number | undefined },
): Record<Name, number> {
  const checked = {} as Record<Name, number>;
  for (const name of Object.keys(defaults) as Name[])
    checked[name] = positiveInteger(name, given[name] ?? defaults[name]);
  return checked;
}

/** An `AbortSignal`, written so that a consumer needs the types of neither the DOM nor Node. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What a reader of all runs may ask for. */
export interface GlobalSubscribeOptions {
  /** Ends the reader, normally. */
  readonly signal?: AbortSignalLike | undefined;
  /** Event types to read: exact names, or prefixes ending in `.*`. Default all. */
  readonly types?: readonly string[] | undefined;
  /**
   * Says of each event whether this reader gets it. Runs in the publisher's call; a throw hides the event. A gap is told all the
   * same; where it would name a run that this hides, it names none.
   */
  readonly where?: ((event: BusEvent) => boolean) | undefined;
  /** Ends the reader as `idle` when nothing was delivered for so many milliseconds. Default off. */
  readonly idleTimeoutMillis?: number | undefined;
}

/** What a reader of one run may ask for. */
export interface SubscribeOptions extends GlobalSubscribeOptions {
  /** An event id: resume behind it. `"live"`: no replay. Default: everything kept, then live. */
  readonly after?: string | undefined;
}

export function checkedSubscribe(name: string, given: SubscribeOptions | undefined): SubscribeOptions {
  if (given === undefined) return {};
  anObject(name, given);
  const { after, signal, types, where, idleTimeoutMillis } = given;
  if (after !== undefined && typeof after !== "string") throw wrong(TypeError, "after", 'an event id or "live"', after);
  optionalSignal("signal", signal);
  if (types !== undefined) checkTypes(types);
  optionalFunction("where", where);
  if (idleTimeoutMillis !== undefined) positiveInteger("idleTimeoutMillis", idleTimeoutMillis);
  return given;
}

function checkTypes(types: unknown): void {
  for (const type of stringList("types", types)) {
    if (!/^[^*]+(\.\*)?$/.test(type)) throw wrong(RangeError, "types", "exact names or prefixes ending in `.*`", type);
  }
}

/** Part of a run's history. */
export interface HistoryOptions {
  /** An event id: only what came behind it. */
  readonly after?: string | undefined;
  /** At most so many: with `after` the first behind it, else the newest. */
  readonly limit?: number | undefined;
}

/** What `stats()` has besides the figures. */
export interface StatsOptions {
  /** `queueDepths` and `historyDepths`. Default true. */
  readonly depths?: boolean | undefined;
  /** `details`: what the figures split into, as the metrics have them. Default false. */
  readonly details?: boolean | undefined;
}

export function checkedStats(given: StatsOptions | undefined): { depths: boolean; details: boolean } {
  return { depths: flag("depths", given?.depths ?? true), details: flag("details", given?.details ?? false) };
}
