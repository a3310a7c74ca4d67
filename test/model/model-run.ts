import type { Outcome, SubscriptionEnd } from "spanbus";
import type { HubModel } from "./hub-model.js";

/** An event, a control event or a gap, as a reader should get it. */
export interface Item {
  readonly run: ModelRun;
  readonly type: string;
  /** Its number in the run; of a gap, that of the last event missed. */
  readonly seq: number;
  /** What a test wrote into it, or what the bus says in it. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The event in front of a gap: a place to resume from. */
  readonly resumeAfter?: Item | string | undefined;
  readonly spanId?: string | undefined;
  readonly trick?: Trick | undefined;
}

/** What an event will do once a callback sees it. */
export interface Trick {
  readonly by: "redact" | "where" | "tap";
  /** In the model; the bus has the same done to it. */
  inModel(model: HubModel): void;
  /** The callback throws, or gives a promise, instead of an answer. */
  readonly fails: boolean;
  /** The redactor lets it pass. */
  readonly passes: boolean;
}

export interface Note {
  readonly runId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly spanId?: string | undefined;
  readonly trick?: Trick | undefined;
  /** The span whose end it tells. */
  readonly ends?: ModelSpan;
}

/** Chunks of one span that wait to be one event. */
export interface Pieces {
  note: Note;
  text: string;
  chunks: number;
  readonly due: number;
  /** Among those due at the same moment. */
  readonly order: number;
}

/** A request of another process: its trace goes on here, and so does the run that it names. */
export interface Request {
  readonly runId: string;
  /** The span that sent it. */
  readonly spanId: string;
  readonly trace: ModelTrace;
}

export interface ModelTrace {
  /** Spans of this process that are open. */
  open: number;
  /** Runs that are looked at when one of them ends. */
  readonly runs: Set<ModelRun>;
}

/** A span that serves a request: a tool at work. */
export interface ModelSpan {
  readonly spanId: string;
  readonly trace: ModelTrace;
  /** What it said when it began. */
  readonly call: Call;
  readonly startedAt: number;
  /** None: its run was sealed. */
  run?: ModelRun;
  open: boolean;
  endTold: boolean;
}

/** What a tool is called with: an id, if a trick is to be played with its events. */
export interface Call {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: { readonly toolCallId?: string };
  readonly trick?: Trick;
}

/** Where the code stands that does something. */
export interface Here {
  readonly binding?: Binding | undefined;
  readonly request?: Request | undefined;
}

/** What readers attach to. A run gets a new one when its events are evicted: who read before has to leave. */
export interface Stream {
  end?: SubscriptionEnd;
}

/** A run from its first event, or its first reader, until it is forgotten. */
export interface ModelRun {
  readonly id: string;
  /** What the bus calls this generation, once that was seen. */
  generation?: string;
  /** `awaited`: it has readers, but no event yet. `detached`: it goes on in another process, and may go on here. */
  state: "awaited" | "open" | "closed" | "detached" | "dropped";
  outcome?: Outcome;
  seq: number;
  readonly kept: { readonly item: Item; readonly bytes: number }[];
  /** Number of the newest event that was kept once. */
  lostSeq: number;
  stream: Stream;
  lastPublished: number;
  /** Place in the order of bindings and closes. */
  sealedAt: number;
  /** The same of the generation before. */
  sealedBefore: number;
  /** The generation behind it, while that is without an event. */
  next?: ModelRun;
  parentRunId?: string;
  /** Bound by `runContext`: goes on when a `bus.run` of it is over. */
  contextBound: boolean;
  /** Bound here by either: only its close is an end. */
  bound: boolean;
  /** Its id came with a request. */
  remote: boolean;
  /** What it was when it stopped. */
  owned: boolean;
  /** Spans of it that are open, in order of start, and the traces they are of. */
  spans: ModelSpan[];
  readonly traces: Set<ModelTrace>;
  /** When it is looked at whether it was silent for long enough. */
  graceAt?: number | undefined;
  closing: boolean;
}

export interface Binding {
  readonly runId: string;
  readonly madeAt: number;
  readonly parentRunId?: string | undefined;
  readonly isCall: boolean;
  /** The nearest call of the same run around it. */
  readonly call?: Binding | undefined;
  /** What was bound around it. */
  readonly around?: Binding | undefined;
  /** Its function is over. */
  isOver?: boolean;
  scope?: Scope | undefined;
  run?: ModelRun;
}

/** A `bus.run` in progress, or several that joined. */
export interface Scope {
  readonly runId: string;
  readonly joinsContext: boolean;
  readonly order: number;
  active: number;
  closed: boolean;
  run?: ModelRun;
  /** When it is looked at whether it is over. */
  lookAt?: number;
}

export interface ModelTap {
  readonly heard: (Item | string)[];
  readonly touchy: boolean;
  on: boolean;
}

export function newRun(id: string, now: number): ModelRun {
  return {
    id,
    state: "awaited",
    seq: 0,
    kept: [],
    lostSeq: 0,
    stream: {},
    lastPublished: now,
    sealedAt: 0,
    sealedBefore: 0,
    contextBound: false,
    bound: false,
    remote: false,
    owned: true,
    spans: [],
    traces: new Set(),
    closing: false,
  };
}

/** Events at which touchy callbacks throw. */
export function isTouchy({ n }: Readonly<Record<string, unknown>>): boolean {
  return typeof n === "number" && n % 5 === 0;
}
