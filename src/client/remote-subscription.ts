import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import type { AbortSignalLike } from "../bus/hub-options.js";
import type { Subscription, SubscriptionMembers } from "../bus/subscription.js";
import { type Endpoint, EndpointError, type Query } from "./endpoint.js";
import { type Frame, Frames } from "./frames.js";
import { type Pauses, pause } from "./pause.js";

/** `open`: events come. `lost`: it is being made again. `closed`: it is over. */
export type ConnectionState = "open" | "lost" | "closed";

export interface RemoteStart {
  readonly path: string;
  readonly query: Query;
  readonly after: string | undefined;
  readonly isGlobal: boolean;
  readonly signals: readonly AbortSignalLike[];
  readonly onConnection: ((state: ConnectionState, error?: Error) => void) | undefined;
  readonly giveUpMillis: number;
  readonly silenceMillis: number;
}

type Result<T> = IteratorResult<T, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** A reader of a bus in another process. At most one piece of the stream waits here; the rest waits at the bus. */
export class RemoteSubscription implements SubscriptionMembers {
  readonly ended: Promise<SubscriptionEnd>;
  readonly #endpoint: Endpoint;
  readonly #start: RemoteStart;
  readonly #abort = new AbortController();
  readonly #leave = (): void => this.#finish({ reason: "aborted" });
  #settle: (end: SubscriptionEnd) => void = () => {};
  #end: SubscriptionEnd | undefined;
  #frames: readonly Frame[] = [];
  #read = 0;
  #body: Promise<ReadableStreamDefaultReader<Uint8Array> | undefined>;
  #parser = new Frames();
  /** Reads are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #lastEvent: BusEvent | undefined;
  #lastId: string | undefined;
  #caughtUp = false;
  #dropped = 0;
  #pauses: Pauses | undefined;
  #gap: BusEvent | undefined;

  constructor(endpoint: Endpoint, start: RemoteStart) {
    this.#endpoint = endpoint;
    this.#start = start;
    this.#lastId = start.after === "live" ? undefined : start.after;
    this.ended = new Promise((settle) => {
      this.#settle = settle;
    });
    // From now on events count: the connection is made before anybody reads.
    this.#body = this.#connect();
    this.#body.catch(() => undefined);
    for (const signal of start.signals) {
      if (signal.aborted) this.#leave();
      else signal.addEventListener("abort", this.#leave, { once: true });
    }
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

  batches(): AsyncIterableIterator<readonly BusEvent[]> {
    const batches: AsyncIterableIterator<readonly BusEvent[]> = {
      next: () => this.#inTurn(() => this.#batch()),
      return: async () => {
        this.close();
        return DONE;
      },
      [Symbol.asyncIterator]: () => batches,
    };
    return batches;
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
    this.#lastId = event.id;
    this.#lastEvent = event;
    if (event.type === "bus.gap" && event.data.reason === "lagged") this.#dropped += event.data.missed;
    return event;
  }

  /** Gets more of the stream, over a new connection if the old one is gone. */
  async #fill(): Promise<void> {
    try {
      const body = await this.#body;
      const bytes = body && (await this.#withinSilence(body.read()));
      if (this.#end) return;
      if (!bytes?.value) throw new EndpointError("the endpoint cut the stream");
      this.#frames = [
        ...(this.#gap ? [{ kind: "event", event: this.#gap } as const] : []),
        ...this.#parser.of(bytes.value),
      ];
      this.#read = 0;
      this.#gap = undefined;
      this.#pauses = undefined;
    } catch (error) {
      await this.#lost(error instanceof EndpointError ? error : new EndpointError(String(error), { cause: error }));
    }
  }

  /** A connection that is silent for too long is none. */
  async #withinSilence<T>(read: Promise<T>): Promise<T> {
    const { silenceMillis } = this.#start;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new EndpointError(`nothing came from the endpoint for ${silenceMillis} ms`)),
        silenceMillis,
      );
    });
    try {
      return await Promise.race([read, silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  // ── connection ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Undefined when there is nothing more to read. */
  async #connect(): Promise<ReadableStreamDefaultReader<Uint8Array> | undefined> {
    const { path, query, after, isGlobal, onConnection } = this.#start;
    const from = isGlobal ? undefined : (this.#lastId ?? after);
    const response = await this.#endpoint.get(path, { ...query, after: from }, "text/event-stream", this.#abort.signal);
    if (response.status === 204) {
      const outcome = response.headers.get("spanbus-outcome");
      this.#finish({ reason: "closed", ...(outcome !== null && { outcome }) } as SubscriptionEnd);
      return undefined;
    }
    const type = response.headers.get("content-type") ?? "nothing";
    if (!response.body || !type.startsWith("text/event-stream")) {
      await response.body?.cancel();
      const message = `${path} answered with ${type}, not with events: is it a spanbus endpoint?`;
      throw new EndpointError(message, { status: response.status });
    }
    onConnection?.("open");
    return response.body.getReader();
  }

  /** Makes the connection again, or gives up. @throws the error that makes it give up. */
  async #lost(error: EndpointError): Promise<void> {
    if (this.#end) return;
    const { isGlobal, onConnection, giveUpMillis } = this.#start;
    await this.#release();
    const wasOpen = this.#pauses === undefined;
    this.#pauses ??= pause(giveUpMillis);
    const pauseMillis = this.#pauses.next();
    if (!error.isPassing || pauseMillis === undefined) {
      this.#finish({ reason: "cut" }, error);
      throw error;
    }
    if (wasOpen) onConnection?.("lost", error);
    if (isGlobal && this.#lastEvent && this.#gap === undefined) this.#gap = cutGap(this.#lastEvent);
    await this.#sleep(pauseMillis);
    if (this.#end) return;
    this.#parser = new Frames();
    this.#body = this.#connect();
    this.#body.catch(() => undefined);
  }

  async #release(): Promise<void> {
    try {
      await (await this.#body)?.cancel();
    } catch {
      // It is gone already.
    }
  }

  #sleep(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, millis);
      this.#abort.signal.addEventListener(
        "abort",
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  #finish(end: SubscriptionEnd, error?: Error): void {
    if (this.#end) return;
    this.#end = end;
    this.#frames = [];
    this.#gap = undefined;
    for (const signal of this.#start.signals) signal.removeEventListener("abort", this.#leave);
    this.#settle(end);
    this.#abort.abort();
    this.#start.onConnection?.("closed", error);
  }
}

/** Nobody knows what came while all runs were not read. */
function cutGap({ id, runId }: BusEvent): BusEvent {
  return Object.freeze({
    id,
    runId,
    type: "bus.gap",
    time: Date.now(),
    data: Object.freeze({ missed: 0, reason: "cut" }),
  });
}
