import type { FieldName, fields, operations, otherEvents } from "./catalogue.js";

/** How a run can end. */
export const outcomes = ["completed", "failed", "cancelled", "abandoned", "idle", "detached", "unknown"] as const;

/** How a run ended. */
export type Outcome = (typeof outcomes)[number];

/**
 * Why a reader ended. `cut`: a reader in another process could not reach the bus any more. `producer-lost`: nothing was heard
 * of the processes that write the run; should one come back, the run goes on.
 */
export type EndReason =
  | "closed"
  | "aborted"
  | "returned"
  | "idle"
  | "evicted"
  | "dropped"
  | "shutdown"
  | "cut"
  | "producer-lost";

/** Why a reader ended and, if its run is over, how the run ended. */
export interface SubscriptionEnd {
  readonly reason: EndReason;
  readonly outcome?: Outcome;
}

/** Why events are missing at a `bus.gap`. */
export type GapReason = "lagged" | "evicted" | "generation" | "cut";

/** What an agent does: the middle word of `agent.<operation>.<phase>`. */
export type Operation = keyof typeof operations;

/** Every phase of an operation has an event of its own. */
export type Phase = "started" | "completed" | "failed";

/** What went wrong. The message is cut at 500 characters and holds no content. */
export interface ErrorData {
  readonly type: string;
  readonly message: string;
}

/** Data of a `bus.gap`. */
export interface GapData {
  /**
   * How many events are missing; 0 for a `cut` if that is not known. Exact for `lagged`: what the reader lost, and what a gap
   * that it lost would have told.
   */
  readonly missed: number;
  /**
   * `lagged`: this reader was too slow. `evicted`: it asked to resume behind an event that is no longer kept.
   * `generation`: the event it asked to resume behind belongs to another generation of the run, or to none.
   * `cut`: the way from one process to another was cut for a while, or could not take as much.
   */
  readonly reason: GapReason;
  /** Id of the event before the gap: `history(runId, { after })` has what is still kept of the missing ones. */
  readonly resumeAfter?: string;
}

interface FieldTypes {
  string: string;
  number: number;
  boolean: boolean;
  content: string;
  outcome: Outcome;
  error: ErrorData;
}
type FieldValue<Name extends FieldName> = FieldTypes[(typeof fields)[Name]["type"]];
type Required<Use> = Use extends `${infer Name extends FieldName}!` ? Name : never;
type Optional<Use> = Use extends FieldName ? Use : never;
type Flat<T> = { [K in keyof T]: T[K] };
type Data<Use> = Flat<
  { readonly [Name in Required<Use>]: FieldValue<Name> } & { readonly [Name in Optional<Use>]?: FieldValue<Name> }
>;
type Row<O extends Operation> = (typeof operations)[O];

type StartedMap = { [O in Operation as `agent.${O}.started`]: Data<Row<O>["data"][number] | Row<O>["start"][number]> };
type EndUse<O extends Operation> = Row<O>["data"][number] | Row<O>["end"][number] | "durationMillis!";
type CompletedMap = { [O in Operation as `agent.${O}.completed`]: Data<EndUse<O>> };
type FailedMap = { [O in Operation as `agent.${O}.failed`]: Data<EndUse<O> | "error!"> };
type OtherMap = { [T in keyof typeof otherEvents]: Data<(typeof otherEvents)[T]["data"][number]> };

/**
 * Every known event type and its data. Extend it to get types for your own events:
 *
 * ```ts
 * declare module "spanbus" {
 *   interface EventMap {
 *     "order.placed": { orderId: string };
 *   }
 * }
 * ```
 */
export interface EventMap extends StartedMap, CompletedMap, FailedMap, OtherMap {}

/** Events that the bus itself puts into a stream. They have no `seq`; the last two are on the global stream only. */
export interface ControlEventMap {
  "bus.gap": GapData;
  "bus.run.opened": { readonly [key: string]: never };
  "bus.run.closed": { readonly outcome: Outcome };
}

/** What every event has. */
export interface EventBase {
  /** `<generation>.<seq>`, opaque. Pass it as `after` to resume behind this event. */
  readonly id: string;
  readonly runId: string;
  /** Milliseconds since the Unix epoch, with fraction. Sort by `seq`, never by time. */
  readonly time: number;
  readonly traceId?: string;
  readonly spanId?: string;
  /** The nearest span around this one that is itself an event. */
  readonly parentSpanId?: string;
  /** Raw span attributes, where the option `attributes` asks for them. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** No interface: data of every type is a `Record<string, unknown>`, too. */
type Bounded = {
  /** Something was left out, since an event is at most 32 KiB of JSON. */
  readonly truncated?: true;
};

type Recorded<T extends keyof EventMap> = EventBase & {
  /** 1, 2, 3 … within the generation of the run. */
  readonly seq: number;
  readonly type: T;
  readonly data: Readonly<EventMap[T]> & Bounded;
};
type Control<T extends keyof ControlEventMap> = EventBase & {
  readonly seq?: never;
  readonly type: T;
  readonly data: Readonly<ControlEventMap[T]> & Bounded;
};

/** An event as it is read: deeply frozen, JSON-safe, told apart by `type`. */
export type BusEvent =
  | { [T in keyof EventMap]: Recorded<T> }[keyof EventMap]
  | { [T in keyof ControlEventMap]: Control<T> }[keyof ControlEventMap];

/** A known event type, or a name of your own. `bus.*` is the bus's. */
export type EventType = keyof EventMap | (string & {});

/** An event as it is published. */
export interface EventInput {
  /** 1 to 256 characters without control characters and half surrogate pairs. */
  readonly runId: string;
  readonly type: EventType;
  /** Copied, bounded to 32 KiB of JSON, made JSON-safe and frozen. */
  readonly data?: object | undefined;
  /** Milliseconds since the Unix epoch; default now. */
  readonly time?: number | undefined;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  readonly parentSpanId?: string | undefined;
  /** Carried as `attributes`, copied like `data`. */
  readonly attributes?: object | undefined;
}

/** An event before it has an id: what `redact` gets and may change. `data` and `attributes` are copies. */
export interface EventDraft {
  readonly runId: string;
  readonly type: EventType;
  readonly time: number;
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  readonly parentSpanId?: string | undefined;
  data: Record<string, unknown>;
  attributes?: Record<string, unknown> | undefined;
}
