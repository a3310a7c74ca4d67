import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import { RecencyNode } from "../bus/recency-list.js";
import type { Frames } from "../wire/frames.js";
import { caughtUpFrame, heartbeatFrame } from "../wire/sse.js";
import { BodyReader } from "./body-reader.js";
import type { Heartbeats, QuietStream } from "./heartbeats.js";
import type { Eventually, ReadableSubscription } from "./readable-bus.js";

/** A reader whose events go into a body. */
export interface Source {
  readonly events: ReadableSubscription;
  /** The frame that tells the end. None: the body is cut, and the client will come back. */
  endFrame(end: SubscriptionEnd): Eventually<string | undefined>;
}

/** What bodies of a kind have in common. */
export interface BodyOptions {
  readonly frames: Frames;
  /** Whether each frame carries the id from which the stream can be resumed. */
  readonly resumable: boolean;
  readonly heartbeats: Heartbeats;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Where a body goes. It asks by `pull` for what it is given. */
export interface Sink {
  /** Takes a chunk, which is shared with others. True: asks for the next one, too. */
  write(bytes: Uint8Array): boolean;
  end(): void;
}

/** A chunk takes no further frame from this size on. An event is at most 32 KiB, so a chunk is at most about 64. */
const CHUNK_BYTES = 32 * 1024;
/** Events that are read at once: behind small ones large ones may wait, of which a client that stalls would hold as many. */
const MOST_EVENTS = 64;

/**
 * Server-sent events of one reader or several, made when they are asked for. What a client does not read stays on the bus,
 * where the reader is a position; here is at most what was to fit into a chunk. Every event passes here once for each
 * client: no promise is made but the one that the reader gives.
 */
export class EventBody implements QuietStream {
  readonly #options: BodyOptions;
  readonly #readers: BodyReader[];
  readonly place: RecencyNode<QuietStream> = new RecencyNode<QuietStream>(this);
  /** What is sent next, and its size in bytes. */
  #chunk: Uint8Array[] = [];
  #chunkSize = 0;
  /** Of the event that came last: what the next are taken to be. */
  #frameSize = CHUNK_BYTES;
  #caughtUp = false;
  /** Who asked for a chunk and has none yet. */
  #asking: Sink | undefined;
  quietSince = 0;

  constructor(sources: readonly Source[], options: BodyOptions) {
    this.#options = options;
    this.#readers = sources.map((source) => new BodyReader(source, this));
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#options.headers;
  }

  /** All readers are over. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#readers.map(({ events }) => events.ended));
  }

  /** Asks for a chunk. */
  pull(sink: Sink): void {
    this.#asking = sink;
    this.#serve();
  }

  /** A reader has what it was asked for. */
  arrived(): void {
    this.#serve();
  }

  /** Nobody takes any more. */
  cancel(): void {
    this.#asking = undefined;
    this.#cut();
  }

  beat(): void {
    if (!this.#asking) return;
    this.#send(this.#asking, this.#options.frames.text(heartbeatFrame));
    this.#serve();
  }

  /** Sends what there is once all that is there at once is in the chunk, or looks for more. */
  #serve(): void {
    for (let sink = this.#asking; sink; sink = this.#asking) {
      this.#fill();
      const ready = this.#isFull ? undefined : this.#readers.find((each) => each.isReady);
      if (ready) return ready.read(this.#room());
      if (this.#chunkSize > 0) this.#send(sink, this.#takeChunk());
      else if (this.#readers.length > 0) return this.#wait();
      else this.#end(sink);
    }
  }

  get #isFull(): boolean {
    return this.#chunkSize >= CHUNK_BYTES;
  }

  /** Events that the chunk will hold, as far as can be told. */
  #room(): number {
    const events = Math.floor((CHUNK_BYTES - this.#chunkSize) / this.#frameSize);
    return Math.min(Math.max(1, events), MOST_EVENTS);
  }

  #takeChunk(): Uint8Array {
    const chunk = this.#chunk;
    this.#chunk = [];
    this.#chunkSize = 0;
    return this.#options.frames.joined(chunk);
  }

  #send(sink: Sink, bytes: Uint8Array): void {
    // The next may be asked for while this one is taken.
    this.#asking = undefined;
    if (sink.write(bytes)) this.#asking = sink;
  }

  #end(sink: Sink): void {
    this.#asking = undefined;
    this.#options.heartbeats.leave(this);
    sink.end();
  }

  /** Puts what the readers gave into the chunk, of each in turn. */
  #fill(): void {
    this.#tellCaughtUp();
    for (let empty = 0; empty < this.#readers.length && !this.#isFull; ) {
      const [reader] = this.#readers;
      if (!reader) return;
      const event = reader.take();
      empty = event || reader.isOver ? 0 : empty + 1;
      if (event) this.#addEvent(event);
      else if (reader.isOver) this.#finish(reader);
      if (this.#readers.length > 1) this.#toTheBack(reader);
      this.#tellCaughtUp();
    }
  }

  #addEvent(event: BusEvent): void {
    const frame = this.#options.frames.of(event, this.#options);
    this.#frameSize = frame.length;
    this.#add(frame);
  }

  #add(frame: Uint8Array): void {
    this.#chunk.push(frame);
    this.#chunkSize += frame.length;
  }

  #toTheBack(reader: BodyReader): void {
    if (this.#remove(reader)) this.#readers.push(reader);
  }

  #remove(reader: BodyReader): boolean {
    const index = this.#readers.indexOf(reader);
    if (index >= 0) this.#readers.splice(index, 1);
    return index >= 0;
  }

  /** Right behind the last event that was kept when the readers attached: until then they are read one by one. */
  #tellCaughtUp(): void {
    if (this.#caughtUp || !this.#readers.every((each) => each.isCaughtUp)) return;
    this.#caughtUp = true;
    this.#add(this.#options.frames.text(caughtUpFrame));
  }

  /** One reader cut short cuts the body, so that its client comes back for all of them. */
  #finish(reader: BodyReader): void {
    this.#remove(reader);
    if (reader.endFrame !== undefined) this.#add(this.#options.frames.text(reader.endFrame));
    else this.#cut();
  }

  /** Leaves the readers. What is in the chunk may still be sent. */
  #cut(): void {
    this.#options.heartbeats.leave(this);
    for (const { events } of this.#readers) events.close();
    this.#readers.length = 0;
    this.#caughtUp = true;
  }

  #wait(): void {
    for (const reader of this.#readers) reader.read(1);
    this.#options.heartbeats.wait(this);
  }
}
