import { batchesOf } from "../bus/batches.js";
import { eventId, parseCursor } from "../bus/cursor.js";
import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import type { AbortSignalLike } from "../bus/hub-options.js";
import type { Subscription, SubscriptionMembers } from "../bus/subscription.js";
import { bounded } from "./bounded.js";
import type { ConnectionState } from "./connection-state.js";
import { type Endpoint, EndpointError, type Query } from "./endpoint.js";
import { type Frame, Frames, runEnd } from "./frames.js";
import type { Lifetime } from "./lifetime.js";
import { type Pauses, pause } from "./pause.js";

export interface RemoteStart {
  readonly path: string;
  readonly query: Query;
  /** Undefined: all runs. */
  readonly runId: string | undefined;
  readonly after: string | undefined;
  /** Whether it waits for a run that is not known yet. */
  readonly wait: boolean;
  /** That of the client. */
  readonly alive: Lifetime;
  readonly signal: AbortSignalLike | undefined;
  readonly onConnection: ((state: ConnectionState, error?: Error) => void) | undefined;
  readonly giveUpMillis: number;
  readonly silenceMillis: number;
}

type Result<T> = IteratorResult<T, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** A connection that was good for so long has shown that the endpoint works, even if no event came. */
const STEADY_MILLIS = 5000;
/** However little time is left, a try gets so much. */
const LEAST_TRY_MILLIS = 5000;

/** A reader of a bus in another process. At most one piece of the stream waits here; the rest waits at the bus. */
export class RemoteSubscription implements SubscriptionMembers {
  readonly ended: Promise<SubscriptionEnd>;
  readonly #endpoint: Endpoint;
  readonly #start: RemoteStart;
  readonly #isGlobal: boolean;
  readonly #leave = (): void => this.#finish({ reason: "aborted" });
  #settle: (end: SubscriptionEnd) => void = () => {};
  #end: SubscriptionEnd | undefined;
  #frames: readonly Frame[] = [];
  #read = 0;
  #body: Promise<ReadableStreamDefaultReader<Uint8Array> | undefined> = Promise.resolve(undefined);
  /** Of the connection that `#body` is read over. */
  #abort = new AbortController();
  #wake: () => void = () => {};
  #parser = new Frames();
  /** Where to begin, as long as no event came. */
  #after: string | undefined;
  /** Reads are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #lastEvent: BusEvent | undefined;
  #lastId: string | undefined;
  #caughtUp = false;
  #dropped = 0;
  /** Since the first try, or since the connection was lost; none once it is good again. */
  #pauses: Pauses | undefined;
  /** What was told last. */
  #state: ConnectionState | undefined;
  #wasOpen = false;
  #openTime = 0;
  /** The endpoint knew the run: should it say that there is none, the run was forgotten. */
  #wasKnown = false;
  /** Events may be missing behind no place that is known, which is not told yet. */
  #mayMiss = false;

  constructor(endpoint: Endpoint, start: RemoteStart) {
    this.#endpoint = endpoint;
    this.#start = start;
    this.#lastId = start.after === "live" ? undefined : start.after;
    this.#after = start.after;
    this.#isGlobal = start.runId === undefined;
    this.ended = new Promise((settle) => {
      this.#settle = settle;
    });
    if (start.alive.isOver || start.signal?.aborted) {
      this.#leave();
      return;
    }
    start.alive.add(this.#leave);
    start.signal?.addEventListener("abort", this.#leave, { once: true });
    this.#pauses = pause(start.giveUpMillis);
    // From now on events count: the connection is made before anybody reads.
    this.#open();
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Events that are here and not yet read; more may wait at the bus. */
  get size(): number {
    let events = 0;
    for (let index = this.#read; index < this.#frames.length; index += 1) {
      if (this.#frames[index]?.kind === "event") events += 1;
    }
    return events;
  }

  get lastId(): string | undefined {
    return this.#lastId;
  }

  get caughtUp(): boolean {
    return this.#caughtUp;
  }

  next(): Promise<Result<BusEvent>> {
    return this.#inTurn(() => this.#next());
  }

  batches(): AsyncIterableIterator<readonly BusEvent[], undefined> {
    return batchesOf(() => this.#inTurn(() => this.#batch()), this);
  }

  close(): void {
    this.#finish({ reason: "returned" });
  }

  async return(): Promise<Result<BusEvent>> {
    this.close();
    return DONE;
  }

  [Symbol.asyncIterator](): Subscription {
    return this as RemoteSubscription & Subscription;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(read, read);
    this.#turn = result;
    return result;
  }

  async #next(): Promise<Result<BusEvent>> {
    for (;;) {
      const event = this.#take();
      if (event) return { done: false, value: event };
      if (this.#end) return DONE;
      await this.#fill();
    }
  }

  async #batch(): Promise<Result<readonly BusEvent[]>> {
    const first = await this.#next();
    if (first.done) return DONE;
    const events = [first.value];
    for (let event = this.#take(); event; event = this.#take()) events.push(event);
    return { done: false, value: events };
  }

  /** The next event that is here. */
  #take(): BusEvent | undefined {
    while (!this.#end) {
      const frame = this.#frames[this.#read];
      if (!frame) return undefined;
      this.#read += 1;
      if (frame.kind === "end") this.#finish(frame.end);
      else if (frame.kind === "caught-up") this.#caughtUp = true;
      else return this.#took(frame.event);
    }
    return undefined;
  }

  #took(event: BusEvent): BusEvent {
    if (event.id !== this.#lastId) this.#pauses = undefined;
    // A gap may also tell that nothing is known of the run.
    if (event.type !== "bus.gap") this.#wasKnown = true;
    this.#lastId = event.id;
    this.#lastEvent = event;
    if (event.type === "bus.gap" && event.data.reason === "lagged") this.#dropped += countOf(event.data.missed);
    return event;
  }

  /** Gets more of the stream, over a new connection if the old one is gone. */
  async #fill(): Promise<void> {
    try {
      const body = await this.#body;
      if (this.#end || !body) return;
      const { fault } = this.#parser;
      if (fault !== undefined) throw new EndpointError(`what came is no stream of events: ${fault}`, { cause: fault });
      this.#frames = this.#framesOf(await this.#bytes(body));
      this.#read = 0;
    } catch (error) {
      await this.#lost(error instanceof EndpointError ? error : new EndpointError(String(error), { cause: error }));
    }
  }

  /** @throws when the stream was cut, or is silent for too long. */
  async #bytes(body: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> {
    const { silenceMillis } = this.#start;
    const { signal } = this.#abort;
    const silence = (): EndpointError => new EndpointError(`nothing came from the endpoint for ${silenceMillis} ms`);
    try {
      const { value } = await bounded(body.read(), silenceMillis, signal, silence);
      if (value) return value;
    } catch (error) {
      if (signal.aborted || error instanceof EndpointError) throw error;
      this.#steady();
      throw new EndpointError(`the endpoint cut the stream: ${error}`, { cause: error });
    }
    this.#steady();
    throw new EndpointError("the endpoint cut the stream");
  }

  /** What the bytes say, behind the gap that a cut made. */
  #framesOf(bytes: Uint8Array): readonly Frame[] {
    const frames = this.#parser.of(bytes);
    if (this.#parser.fault === undefined) this.#steady();
    if (!this.#mayMiss) return frames;
    const at = this.#lastEvent ?? placeBefore(frames, this.#start.runId);
    if (!at) return frames;
    this.#mayMiss = false;
    return [{ kind: "event", event: cutGap(at) }, ...frames];
  }

  #steady(): void {
    if (performance.now() - this.#openTime >= STEADY_MILLIS) this.#pauses = undefined;
  }

  // ── connection ────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(): void {
    this.#parser = new Frames();
    this.#abort = new AbortController();
    this.#body = this.#connect(this.#abort);
    this.#body.catch(() => undefined);
  }

  /** Undefined when there is nothing more to read. */
  async #connect(abort: AbortController): Promise<ReadableStreamDefaultReader<Uint8Array> | undefined> {
    const { path, wait, silenceMillis } = this.#start;
    const query = {
      ...this.#start.query,
      after: this.#isGlobal ? undefined : (this.#lastId ?? this.#after),
      wait: wait && !this.#wasKnown ? "true" : undefined,
    };
    const left = this.#pauses?.left() ?? Number.POSITIVE_INFINITY;
    const millis = Math.min(silenceMillis, Math.max(left, LEAST_TRY_MILLIS));
    const response = await this.#endpoint.get(path, query, "text/event-stream", { abort, millis });
    if (this.#end) return undefined;
    const { status, headers } = response;
    if (status === 204 && !this.#isGlobal) {
      this.#finish(runEnd(headers.get("spanbus-reason") ?? "closed", headers.get("spanbus-outcome")));
      return undefined;
    }
    const type = headers.get("content-type") ?? "nothing";
    if (!response.body || !type.startsWith("text/event-stream")) {
      abort.abort();
      throw new EndpointError(`${path} answered with ${type}, not with events: is it a spanbus endpoint?`, { status });
    }
    this.#wasOpen = true;
    this.#openTime = performance.now();
    this.#found(headers.get("spanbus-state"));
    this.#tell("open");
    return response.body.getReader();
  }

  /** How the run stands, if the endpoint says so; without `wait` a success says that it is known. */
  #found(state: string | null): void {
    if (state === "awaited") {
      // All that comes is live, also what comes while the connection is lost.
      if (this.#after === "live") this.#after = undefined;
    } else if (state !== null || !this.#start.wait) this.#wasKnown = true;
  }

  /** Makes the connection again, or gives up. @throws the error that makes it give up. */
  async #lost(error: EndpointError): Promise<void> {
    if (this.#end) return;
    this.#release();
    if (isNotFound(error) && this.#wasKnown && !this.#isGlobal) {
      this.#finish({ reason: "dropped" });
      return;
    }
    const wasOpen = this.#state === "open";
    this.#pauses ??= pause(this.#start.giveUpMillis);
    const pauseMillis = this.#pauses.next(error.retryAfterMillis);
    // What is not here although the endpoint was, and does not say so itself, is behind a proxy that looks for it.
    const isPassing = error.isPassing || (this.#wasOpen && error.status === 404 && !error.isProblem);
    if (!isPassing || pauseMillis === undefined) {
      this.#finish({ reason: "cut" }, error);
      throw error;
    }
    this.#tell("lost", error);
    if (wasOpen && (this.#isGlobal || (this.#lastId ?? this.#after) === "live")) this.#mayMiss = true;
    await this.#sleep(pauseMillis);
    if (!this.#end) this.#open();
  }

  #release(): void {
    this.#abort.abort();
    this.#body.then((body) => body?.cancel()).catch(() => undefined);
  }

  #sleep(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, millis);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #finish(end: SubscriptionEnd, error?: Error): void {
    if (this.#end) return;
    this.#end = end;
    this.#frames = [];
    this.#start.alive.remove(this.#leave);
    this.#start.signal?.removeEventListener("abort", this.#leave);
    this.#settle(end);
    this.#release();
    this.#wake();
    this.#tell("closed", error);
  }

  /** Tells what is new. What the callback throws is its own matter: reading goes on. */
  #tell(state: ConnectionState, error?: Error): void {
    if (state === this.#state) return;
    this.#state = state;
    try {
      this.#start.onConnection?.(state, error);
    } catch {
      // There is nobody to tell.
    }
  }
}

/** An endpoint may say anything; the sum stays a number. */
function countOf(missed: unknown): number {
  return typeof missed === "number" && Number.isSafeInteger(missed) && missed > 0 ? missed : 0;
}

/** The endpoint says that there is none. */
function isNotFound(error: unknown): boolean {
  return error instanceof EndpointError && error.status === 404 && error.isProblem;
}

type Place = Pick<BusEvent, "id" | "runId">;

/**
 * Where a gap stands that has no event before it: of one run right before the first that comes, so that a reader who resumes
 * behind the gap gets that. In the stream of all runs, which has no place to resume from, at it.
 */
function placeBefore(frames: readonly Frame[], runId: string | undefined): Place | undefined {
  for (const frame of frames) {
    if (frame.kind === "event") return runId === undefined ? frame.event : { id: idBefore(frame.event.id), runId };
    if (frame.kind === "end" && frame.id && runId !== undefined) return { id: frame.id, runId };
  }
  return undefined;
}

function idBefore(id: string): string {
  const { generation, seq } = parseCursor(id) ?? { generation: "", seq: 0 };
  return seq > 0 ? eventId(generation, seq - 1) : id;
}

/** Nobody knows what came while it was not read. */
function cutGap({ id, runId }: Place): BusEvent {
  return Object.freeze({
    id,
    runId,
    type: "bus.gap",
    time: Date.now(),
    data: Object.freeze({ missed: 0, reason: "cut" }),
  });
}
