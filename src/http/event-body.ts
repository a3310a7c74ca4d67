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
 * Server-sent events of one reader or several, made when they are asked for. Nothing is queued here: what a client does not
 * read stays on the bus, where the reader is a position. A body that nobody begins to read leaves by itself.
 */
export function eventBody(sources: readonly Source[], options: BodyOptions): ReadableStream<Uint8Array> {
  const body = new EventBody(sources, options);
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const chunk = await body.next();
        if (chunk) controller.enqueue(chunk);
        else if (!body.isCancelled) controller.close();
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}

class EventBody {
  readonly #options: BodyOptions;
  readonly #sources: Inlet[];
  #caughtUp = false;
  #wake: (() => void) | undefined;
  readonly #unread: ReturnType<typeof setTimeout>;
  isCancelled = false;

  constructor(sources: readonly Source[], options: BodyOptions) {
    this.#options = options;
    this.#sources = sources.map((source) => new Inlet(source));
    this.#unread = unheld(() => this.#leave(), UNREAD_MILLIS);
    // Whoever ends the readers meanwhile needs no timer to do it.
    Promise.all(sources.map(({ events }) => events.ended)).then(() => clearTimeout(this.#unread));
  }

  /** What there is to send, or a heartbeat when there was nothing for long. Undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    clearTimeout(this.#unread);
    for (;;) {
      const chunk = new Chunk();
      await this.#fill(chunk);
      if (this.isCancelled) return undefined;
      if (chunk.size > 0) return chunk.bytes();
      if (this.#sources.length === 0) return undefined;
      if (!(await this.#arrival())) return this.#options.frames.text(heartbeatFrame);
    }
  }

  cancel(): void {
    this.isCancelled = true;
    this.#leave();
  }

  /** Takes what waits, of each reader in turn. */
  async #fill(chunk: Chunk): Promise<void> {
    this.#tellCaughtUp(chunk);
    while (chunk.size < CHUNK_BYTES) {
      const source = this.#sources.find((each) => each.isReady);
      if (!source) return;
      const { done, value } = await source.take();
      if (done) await this.#finish(source, chunk);
      else {
        chunk.add(this.#options.frames.of(value, this.#options));
        this.#toTheBack(source);
      }
      this.#tellCaughtUp(chunk);
    }
  }

  #toTheBack(source: Inlet): void {
    if (this.#sources.length < 2) return;
    this.#remove(source);
    this.#sources.push(source);
  }

  #remove(source: Inlet): void {
    this.#sources.splice(this.#sources.indexOf(source), 1);
  }

  /** Right behind the last event that was kept when the readers attached. */
  #tellCaughtUp(chunk: Chunk): void {
    if (this.#caughtUp || !this.#sources.every(({ events }) => events.caughtUp)) return;
    this.#caughtUp = true;
    chunk.add(this.#options.frames.text(caughtUpFrame));
  }

  /** One reader cut short cuts the body, so that its client comes back for all of them. */
  async #finish(source: Inlet, chunk: Chunk): Promise<void> {
    this.#remove(source);
    const frame = await source.endFrame(await source.events.ended);
    if (frame !== undefined) chunk.add(this.#options.frames.text(frame));
    else this.#leave();
  }

  #leave(): void {
    for (const { events } of this.#sources) events.close();
    this.#sources.length = 0;
    // What was not sent yet will not be.
    this.#caughtUp = true;
    this.#wake?.();
  }

  /** Waits for any of the readers. False if none had anything for the time of a heartbeat. */
  #arrival(): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (arrived: boolean): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(arrived);
      };
      const timer = unheld(() => settle(false), this.#options.heartbeatMillis);
      this.#wake = () => settle(true);
      for (const source of this.#sources) source.wait(() => this.#wake?.());
    });
  }
}

/** A reader with at most one call of `next()` waiting, which is kept over heartbeats. */
class Inlet {
  readonly events: ReadableSubscription;
  readonly endFrame: Source["endFrame"];
  #isAttached: boolean;
  #isWaiting = false;
  #arrived: IteratorResult<BusEvent, undefined> | undefined;

  constructor({ events, endFrame }: Source) {
    this.events = events;
    this.endFrame = endFrame;
    this.#isAttached = events.attached === undefined;
  }

  /** `take` has something at once. */
  get isReady(): boolean {
    if (this.#isWaiting || !this.#isAttached) return false;
    return this.#arrived !== undefined || this.events.size > 0 || !this.events.caughtUp;
  }

  async take(): Promise<IteratorResult<BusEvent, undefined>> {
    const arrived = this.#arrived ?? (await this.#next());
    this.#arrived = undefined;
    return arrived;
  }

  wait(arrived: () => void): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const attached = this.#isAttached ? undefined : this.events.attached;
    if (attached) {
      // Its replay comes first, and that there is none is to be told.
      attached.then(() => {
        this.#isWaiting = false;
        this.#isAttached = true;
        arrived();
      });
      return;
    }
    this.#next().then((result) => {
      this.#isWaiting = false;
      this.#arrived = result;
      arrived();
    });
  }

  /** A reader that is refused has ended, and its end says how. */
  #next(): Promise<IteratorResult<BusEvent, undefined>> {
    return this.events.next().catch(() => ({ done: true, value: undefined }));
  }
}

/** A timer that holds no process open. */
function unheld(callback: () => void, millis: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, millis);
  // A number where there is no `unref`, and nothing to hold open.
  (timer as { unref?(): void }).unref?.();
  return timer;
}

/** Frames that are sent together. Copied: a consumer may do with the bytes what it likes. */
class Chunk {
  readonly #frames: Uint8Array[] = [];
  size = 0;

  add(frame: Uint8Array): void {
    this.#frames.push(frame);
    this.size += frame.length;
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for (const frame of this.#frames) {
      bytes.set(frame, at);
      at += frame.length;
    }
    return bytes;
  }
}
