import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import type { Frames } from "../wire/frames.js";
import { caughtUpFrame, heartbeatFrame } from "../wire/sse.js";
import type { Eventually, ReadableSubscription } from "./readable-bus.js";

/** A reader whose events go into a body. */
export interface Source {
  readonly events: ReadableSubscription;
  /** The frame that tells the end. None: the body is cut, and the client will come back. */
  endFrame(end: SubscriptionEnd): Eventually<string | undefined>;
}

export interface BodyOptions {
  readonly frames: Frames;
  /** Whether each frame carries the id from which the stream can be resumed. */
  readonly resumable: boolean;
  readonly heartbeatMillis: number;
}

/** A server begins to read at once. Who has not by then, in milliseconds, dropped the body and told nobody. */
const UNREAD_MILLIS = 30_000;

/** A chunk takes no further frame from this size on. An event is at most 32 KiB, so a chunk is at most about 64. */
const CHUNK_BYTES = 32 * 1024;

/**
 * Server-sent events of one reader or several, made when they are asked for. What a client does not read stays on the bus,
 * where the reader is a position; here is at most what was to fit into a chunk. A body that nobody begins to read leaves by
 * itself.
 */
export function eventBody(sources: readonly Source[], options: BodyOptions): ReadableStream<Uint8Array> {
  const body = new EventBody(sources, options);
  return new ReadableStream<Uint8Array>(
    { pull: (controller) => body.pull(controller), cancel: () => body.cancel() },
    { highWaterMark: 0 },
  );
}

/** Every event passes here once for each client: no promise is made but the one that the reader gives. */
class EventBody {
  readonly #options: BodyOptions;
  readonly #sources: Inlet[];
  readonly #chunk = new Chunk();
  readonly #unread: ReturnType<typeof setTimeout>;
  /** Of the event that came last: what the next are taken to be. */
  #frameSize = CHUNK_BYTES;
  #caughtUp = false;
  /** Who asked for a chunk and has none yet. */
  #asking: ReadableStreamDefaultController<Uint8Array> | undefined;
  #askingSince = 0;
  #heartbeat: ReturnType<typeof setTimeout> | undefined;

  constructor(sources: readonly Source[], options: BodyOptions) {
    this.#options = options;
    const arrived = (): void => this.#serve();
    this.#sources = sources.map((source) => new Inlet(source, arrived));
    this.#unread = unheld(() => this.#leave(), UNREAD_MILLIS);
    // Whoever ends the readers meanwhile needs no timer to do it.
    Promise.all(sources.map(({ events }) => events.ended)).then(() => clearTimeout(this.#unread));
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    clearTimeout(this.#unread);
    this.#asking = controller;
    this.#askingSince = performance.now();
    this.#serve();
  }

  cancel(): void {
    this.#asking = undefined;
    this.#leave();
  }

  /** Sends what there is once all that is there at once is in the chunk, or looks for more. */
  #serve(): void {
    if (!this.#asking) return;
    this.#fill();
    const ready = this.#chunk.isFull ? undefined : this.#sources.find((each) => each.isReady);
    if (ready) ready.read(this.#room());
    else if (this.#chunk.size > 0) this.#send(this.#chunk.take());
    else if (this.#sources.length === 0) this.#end();
    else this.#wait();
  }

  /** Events that the chunk will hold, as far as can be told. */
  #room(): number {
    return Math.max(1, Math.floor((CHUNK_BYTES - this.#chunk.size) / this.#frameSize));
  }

  #send(bytes: Uint8Array): void {
    const controller = this.#asking;
    // The next may be asked for while this one is taken.
    this.#asking = undefined;
    controller?.enqueue(bytes);
  }

  #end(): void {
    clearTimeout(this.#heartbeat);
    this.#asking?.close();
    this.#asking = undefined;
  }

  /** Puts what the readers gave into the chunk, of each in turn. */
  #fill(): void {
    this.#tellCaughtUp();
    for (let empty = 0; empty < this.#sources.length && !this.#chunk.isFull; ) {
      const [source] = this.#sources;
      if (!source) return;
      const event = source.take();
      empty = event || source.isOver ? 0 : empty + 1;
      if (event) this.#add(event);
      else if (source.isOver) this.#finish(source);
      if (this.#sources.length > 1) this.#toTheBack(source);
      this.#tellCaughtUp();
    }
  }

  #add(event: BusEvent): void {
    const frame = this.#options.frames.of(event, this.#options);
    this.#frameSize = frame.length;
    this.#chunk.add(frame);
  }

  #toTheBack(source: Inlet): void {
    if (this.#remove(source)) this.#sources.push(source);
  }

  #remove(source: Inlet): boolean {
    const index = this.#sources.indexOf(source);
    if (index >= 0) this.#sources.splice(index, 1);
    return index >= 0;
  }

  /** Right behind the last event that was kept when the readers attached: until then they are read one by one. */
  #tellCaughtUp(): void {
    if (this.#caughtUp || !this.#sources.every((each) => each.isCaughtUp)) return;
    this.#caughtUp = true;
    this.#chunk.add(this.#options.frames.text(caughtUpFrame));
  }

  /** One reader cut short cuts the body, so that its client comes back for all of them. */
  #finish(source: Inlet): void {
    this.#remove(source);
    if (source.endFrame !== undefined) this.#chunk.add(this.#options.frames.text(source.endFrame));
    else this.#leave();
  }

  #leave(): void {
    clearTimeout(this.#heartbeat);
    for (const { events } of this.#sources) events.close();
    this.#sources.length = 0;
    // What was not sent yet will not be.
    this.#caughtUp = true;
    this.#serve();
  }

  #wait(): void {
    for (const source of this.#sources) source.read(1);
    this.#heartbeat ??= unheld(() => this.#beat(), this.#options.heartbeatMillis);
  }

  /** One timer serves many waits: who began to wait meanwhile gets the rest of the time. */
  #beat(): void {
    this.#heartbeat = undefined;
    if (!this.#asking) return;
    const rest = this.#askingSince + this.#options.heartbeatMillis - performance.now();
    if (rest > 0) this.#heartbeat = unheld(() => this.#beat(), rest);
    else this.#send(this.#options.frames.text(heartbeatFrame));
  }
}

/** A reader that is asked for one thing at a time: the question is kept over heartbeats. */
class Inlet {
  readonly events: ReadableSubscription;
  readonly #batches: AsyncIterator<readonly BusEvent[], undefined>;
  readonly #source: Source;
  readonly #arrived: () => void;
  #isAttached: boolean;
  #isReading = false;
  /** What it is asked for was there: the reader has gone past it. */
  #isOwed = false;
  #taken: readonly BusEvent[] = NOTHING;
  #at = 0;
  /** Nothing comes any more, and it is known how that is told. */
  isOver = false;
  endFrame: string | undefined;

  /** `arrived` is called after each `read`. */
  constructor(source: Source, arrived: () => void) {
    this.#source = source;
    this.events = source.events;
    this.#batches = source.events.batches();
    this.#arrived = arrived;
    this.#isAttached = source.events.attached === undefined;
  }

  /** A `read` would find something at once. */
  get isReady(): boolean {
    return !this.#isReading && !this.isOver && this.#isAttached && this.#hasMore;
  }

  /** Everything that was kept was read, and taken here. */
  get isCaughtUp(): boolean {
    return !this.#isOwed && this.#at === this.#taken.length && this.events.caughtUp;
  }

  get #hasMore(): boolean {
    return this.events.size > 0 || !this.events.caughtUp;
  }

  /** The next event that was read. */
  take(): BusEvent | undefined {
    const event = this.#taken[this.#at];
    if (event) this.#at += 1;
    return event;
  }

  /** Reads up to so many events. Those that were kept are read without those behind them. */
  read(most: number): void {
    if (this.#isReading || this.isOver) return;
    this.#isReading = true;
    this.#isOwed = this.#isAttached && this.#hasMore;
    const { attached, caughtUp, size } = this.events;
    // Its replay comes first, and that there is none is to be told.
    if (!this.#isAttached && attached) attached.then(this.#attached);
    else if (caughtUp && size > 0 && size <= most) this.#batches.next().then(this.#got, this.#over);
    else this.#readSingly(most);
  }

  #readSingly(most: number): void {
    const { events } = this;
    const { caughtUp } = events;
    const taken: BusEvent[] = [];
    let open = 0;
    const got = (result?: IteratorResult<BusEvent, undefined>): void => {
      if (result?.value) taken.push(result.value);
      open -= 1;
      if (open > 0) return;
      if (taken.length > 0) this.#have(taken);
      else this.#over();
    };
    do {
      open += 1;
      events.next().then(got, () => got());
    } while (open < most && events.caughtUp === caughtUp && this.#hasMore);
  }

  readonly #attached = (): void => {
    this.#isAttached = true;
    this.#isReading = false;
    this.#arrived();
  };

  readonly #got = ({ done, value }: IteratorResult<readonly BusEvent[], undefined>): void => {
    if (done) this.#over();
    else this.#have(value);
  };

  #have(events: readonly BusEvent[]): void {
    this.#taken = events;
    this.#at = 0;
    this.#isReading = false;
    this.#isOwed = false;
    this.#arrived();
  }

  /** A reader that is refused has ended, and its end says how. */
  readonly #over = (): void => {
    this.#isOwed = false;
    const told = (frame?: string): void => {
      this.endFrame = frame;
      this.isOver = true;
      this.#arrived();
    };
    this.events.ended.then((end) => this.#source.endFrame(end)).then(told, () => told());
  };
}

const NOTHING: readonly BusEvent[] = Object.freeze([]);

/** A timer that holds no process open. */
function unheld(callback: () => void, millis: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, millis);
  // A number where there is no `unref`, and nothing to hold open.
  (timer as { unref?(): void }).unref?.();
  return timer;
}

/** Frames that are sent together. Copied: a consumer may do with the bytes what it likes. */
class Chunk {
  #frames: Uint8Array[] = [];
  size = 0;

  get isFull(): boolean {
    return this.size >= CHUNK_BYTES;
  }

  add(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.size += frame.length;
  }

  /** All of it; then it is empty. */
  take(): Uint8Array {
    const [first] = this.#frames;
    const bytes = first && this.#frames.length === 1 ? first.slice() : this.#joined();
    this.#frames = [];
    this.size = 0;
    return bytes;
  }

  #joined(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const frame of this.#frames) {
      bytes.set(frame, at);
      at += frame.length;
    }
    return bytes;
  }
}
