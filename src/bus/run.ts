import { flat, jsonBytes } from "./bounded-json.js";
import { eventId } from "./cursor.js";
import type { Deadline } from "./deadlines.js";
import type { BusEvent, Outcome, SubscriptionEnd } from "./event.js";
import { EventStream } from "./event-stream.js";
import { History } from "./history.js";
import { RecencyNode } from "./recency-list.js";
import { RepeatedTexts } from "./repeated-texts.js";
import { Tally } from "./tally.js";

/** One run as `runs()` shows it. */
export interface RunInfo {
  readonly runId: string;
  /** Tells this run from others that had the same id before. */
  readonly generation: string;
  readonly state: "open" | "closed";
  /** How it ended; only when closed. */
  readonly outcome?: Outcome;
  /**
   * The run was bound in this process, or its trace began here: then its close here is its end. Else it belongs to another
   * process, and here it only pauses. False for a reader of another process.
   */
  readonly owned: boolean;
  /** The run in which `bus.run` began this one. */
  readonly parentRunId?: string;
  /** The first that an event of it named, as `redact` left it. */
  readonly agentName?: string;
  /** The first that an event of it named, as `redact` left it. */
  readonly conversationId?: string;
  /** Traces its events came from, the first 100. */
  readonly traceIds: readonly string[];
  /** Time of the first and of the latest event, in milliseconds since the Unix epoch. */
  readonly startTime: number;
  readonly lastTime: number;
  /** Events published in this generation, also those no longer kept. */
  readonly events: number;
  /** Readers attached. */
  readonly subscribers: number;
  /** Spans of it that are events and not yet over. */
  readonly openSpans: number;
  readonly modelCalls: number;
  readonly toolCalls: number;
  readonly failedToolCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Where one generation of a run stands. */
export interface RunStanding {
  readonly generation: string;
  /** `awaited`: it has readers, and nothing was published into it yet. */
  readonly state: "awaited" | "open" | "closed";
  /** Id of its latest event; with seq 0 if it had none. */
  readonly lastId: string;
  /** What its readers are told at the end: the run was closed, or the bus was shut down. None while it goes on. */
  readonly end?: SubscriptionEnd;
}

/** Where a run stands and what is kept of it, both at one moment. */
export interface RunSnapshot extends RunStanding {
  /** Oldest first. */
  readonly events: readonly BusEvent[];
}

const MAX_TRACE_IDS = 100;

/**
 * One generation of a run. `open` takes events; `closed` is sealed for ever; `detached` belongs to another process, which
 * may go on with it; `dropped` was forgotten by request.
 */
export class Run {
  readonly id: string;
  /** Size of the id in bytes of JSON. */
  readonly idBytes: number;
  readonly generation: string;
  /** Texts of its events that are the same in one after the other. */
  readonly texts = new RepeatedTexts();
  state: "open" | "closed" | "detached" | "dropped" = "open";
  outcome: Outcome | undefined;
  /** As it was when last looked at: while it is open that may change. */
  owned = true;
  /** Seq of the latest event. */
  seq = 0;
  /** It had an event: it was told as opened, is listed, and will be told as closed. */
  known = false;
  parentRunId: string | undefined;
  agentName: string | undefined;
  conversationId: string | undefined;
  readonly traceIds = new Set<string>();
  startTime = 0;
  lastTime = 0;
  /** Monotonic time of the latest event, or of the start. */
  lastActivity: number;
  openSpans = 0;
  readers = 0;
  readonly tally = new Tally();
  history = new History();
  stream: EventStream;
  /** When it was sealed, in the order in which the process makes bindings and seals runs. */
  sealedAt = 0;
  /** When the generation before it was sealed: bindings made until then are sealed with it. */
  sealedBefore = 0;
  /** The generation behind this one, while that is still without an event. */
  next: Run | undefined;
  /** Set once closing began: what is published now is the last. */
  isClosing = false;
  /** Set while the run waits to be closed: it holds the process open for its readers. */
  closing: Deadline | undefined;
  idle: Deadline | undefined;
  readonly retained = new RecencyNode<Run>(this);
  readonly spare = new RecencyNode<Run>(this);
  readonly opened = new RecencyNode<Run>(this);
  readonly remembered = new RecencyNode<Run>(this);
  /** What the ids of its events share, in memory too. */
  readonly #idPrefix: string;

  constructor(id: string, generation: string, capacity: number, now: number) {
    this.id = flat(id);
    this.idBytes = jsonBytes(id);
    this.generation = generation;
    this.#idPrefix = eventId(generation, "");
    this.stream = new EventStream(capacity);
    this.lastActivity = now;
  }

  /** Id of its event with this seq. */
  eventId(seq: number): string {
    return this.#idPrefix + seq;
  }

  /** Whether `sealed` is the generation before. */
  follows(sealed: Run): boolean {
    return sealed.state === "closed" && this.sealedBefore === sealed.sealedAt && this !== sealed;
  }

  /** Lets go of the events, not of the identity. */
  forget(): void {
    this.history = new History(this.history.lastSeq);
  }

  /** Takes note of an event that is being published. */
  note(event: BusEvent, now: number, counted: boolean): void {
    if (this.seq === 0) this.startTime = event.time;
    this.seq += 1;
    this.known = true;
    this.lastActivity = now;
    this.lastTime = event.time;
    if (event.traceId !== undefined && this.traceIds.size < MAX_TRACE_IDS) this.traceIds.add(event.traceId);
    const { agentName, conversationId } = event.data as { agentName?: unknown; conversationId?: unknown };
    if (typeof agentName === "string") this.agentName ??= agentName;
    if (typeof conversationId === "string") this.conversationId ??= conversationId;
    if (counted) this.tally.add(event);
  }

  standing(): RunStanding {
    return {
      generation: this.generation,
      state: this.state !== "open" ? "closed" : this.known ? "open" : "awaited",
      lastId: eventId(this.generation, this.seq),
      ...(this.stream.end && { end: this.stream.end }),
    };
  }

  info(): RunInfo {
    return {
      runId: this.id,
      generation: this.generation,
      state: this.state === "open" ? "open" : "closed",
      ...(this.outcome !== undefined && { outcome: this.outcome }),
      owned: this.owned,
      ...(this.parentRunId !== undefined && { parentRunId: this.parentRunId }),
      ...(this.agentName !== undefined && { agentName: this.agentName }),
      ...(this.conversationId !== undefined && { conversationId: this.conversationId }),
      traceIds: [...this.traceIds],
      startTime: this.startTime,
      lastTime: this.lastTime,
      events: this.seq,
      subscribers: this.readers,
      openSpans: this.openSpans,
      ...this.tally,
    };
  }
}
