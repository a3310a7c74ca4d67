import type { BusEvent } from "../bus/event.js";
import type { Source } from "./event-body.js";
import type { ReadableSubscription } from "./readable-bus.js";

/** Who reads by them, and is told after each `read`. */
interface Asker {
  arrived(): void;
}

/** A reader that is asked for one thing at a time: the question is kept over heartbeats. */
export class BodyReader {
  readonly events: ReadableSubscription;
  #batches: AsyncIterator<readonly BusEvent[], undefined> | undefined;
  readonly #source: Source;
  readonly #asker: Asker;
  #isAttached: boolean;
  #isReading = false;
  /** What it is asked for was there: the reader has gone past it. */
  #isOwed = false;
  #taken: readonly BusEvent[] = NOTHING;
  #at = 0;
  /** Nothing comes any more, and it is known how that is told. */
  isOver = false;
  endFrame: string | undefined;

  constructor(source: Source, asker: Asker) {
    this.#source = source;
    this.events = source.events;
    this.#asker = asker;
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
    if (!this.#isAttached && attached) attached.then(() => this.#attached());
    else if (size === 0) this.events.next().then(this.#got, this.#over);
    else if (caughtUp && size <= most) this.#nextBatch().then((batch) => this.#gotBatch(batch), this.#over);
    else this.#readSingly(most);
  }

  #nextBatch(): Promise<IteratorResult<readonly BusEvent[], undefined>> {
    this.#batches ??= this.events.batches();
    return this.#batches.next();
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

  #attached(): void {
    this.#isAttached = true;
    this.#isReading = false;
    this.#asker.arrived();
  }

  #gotBatch({ done, value }: IteratorResult<readonly BusEvent[], undefined>): void {
    if (done) this.#over();
    else this.#have(value);
  }

  /** What every reader that waits is told by. */
  readonly #got = ({ done, value }: IteratorResult<BusEvent, undefined>): void => {
    if (done) this.#over();
    else this.#have([value]);
  };

  #have(events: readonly BusEvent[]): void {
    this.#taken = events;
    this.#at = 0;
    this.#isReading = false;
    this.#isOwed = false;
    this.#asker.arrived();
  }

  /** A reader that is refused has ended, and its end says how. */
  readonly #over = (): void => {
    this.#isOwed = false;
    const told = (frame?: string): void => {
      this.endFrame = frame;
      this.isOver = true;
      this.#asker.arrived();
    };
    this.events.ended.then((end) => this.#source.endFrame(end)).then(told, () => told());
  };
}

const NOTHING: readonly BusEvent[] = Object.freeze([]);
