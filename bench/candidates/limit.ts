/**
 * The leanest JavaScript that does the job: a history and a bound for each run, least recently used runs first out, readers
 * that are positions in the run's ring, exact counts of what they lost. It copies, checks, freezes and identifies nothing, so
 * a bus for real use will be slower; how much is what the tables show. Nothing but the benchmarks uses it.
 */
import { HISTORY } from "../inputs/notes.js";

const SLOTS = 1024;
const MASK = SLOTS - 1;

const MAX_RUNS = 200;

const resolved = Promise.resolve();

export class LimitRun<T> {
  readonly id: string;
  readonly slots: (T | undefined)[] = new Array(SLOTS).fill(undefined);
  head = 0;
  newer: LimitRun<T> | undefined;
  older: LimitRun<T> | undefined;
  waiting: LimitReader<T>[] = [];
  scheduled = false;

  constructor(id: string) {
    this.id = id;
  }

  publish(event: T): void {
    this.slots[this.head & MASK] = event;
    this.head += 1;
    if (this.waiting.length > 0 && !this.scheduled) {
      this.scheduled = true;
      resolved.then(() => this.#wake());
    }
  }

  #wake(): void {
    this.scheduled = false;
    const { waiting } = this;
    this.waiting = [];
    for (const reader of waiting) reader.wake();
  }
}

export class LimitBus<T> {
  readonly #runs = new Map<string, LimitRun<T>>();
  #newest: LimitRun<T> | undefined;
  #oldest: LimitRun<T> | undefined;

  publish(runId: string, event: T): void {
    this.run(runId).publish(event);
  }

  subscribe(runId: string): LimitReader<T> {
    return new LimitReader(this.run(runId));
  }

  run(runId: string): LimitRun<T> {
    let run = this.#runs.get(runId);
    if (run === this.#newest && run) return run;
    if (run) this.#remove(run);
    else {
      run = new LimitRun<T>(runId);
      this.#runs.set(runId, run);
      if (this.#runs.size > MAX_RUNS && this.#oldest) {
        this.#runs.delete(this.#oldest.id);
        this.#remove(this.#oldest);
      }
    }
    run.older = this.#newest;
    if (this.#newest) this.#newest.newer = run;
    this.#newest = run;
    this.#oldest ??= run;
    return run;
  }

  #remove(run: LimitRun<T>): void {
    if (run.newer) run.newer.older = run.older;
    else this.#newest = run.older;
    if (run.older) run.older.newer = run.newer;
    else this.#oldest = run.newer;
    run.newer = undefined;
    run.older = undefined;
  }
}

/** A position in the ring of a run: first its history, then live. Read it by event or by batch, not by both at once. */
export class LimitReader<T> {
  #dropped = 0;
  readonly #run: LimitRun<T>;
  #position: number;
  #resolve: ((result: IteratorResult<T, undefined>) => void) | undefined;
  #resolveBatch: ((result: IteratorResult<T[], undefined>) => void) | undefined;

  constructor(run: LimitRun<T>) {
    this.#run = run;
    this.#position = Math.max(0, run.head - HISTORY);
  }

  /** What it lost by being too far behind. */
  get dropped(): number {
    return this.#dropped + Math.max(0, this.#run.head - SLOTS - this.#position);
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.#next() };
  }

  batches(): AsyncIterable<T[]> {
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#nextBatch() }) };
  }

  wake(): void {
    const { head } = this.#run;
    if (this.#position === head) {
      this.#run.waiting.push(this);
    } else if (this.#resolve) {
      const resolve = this.#resolve;
      this.#resolve = undefined;
      resolve({ done: false, value: this.#take() });
    } else if (this.#resolveBatch) {
      const resolve = this.#resolveBatch;
      this.#resolveBatch = undefined;
      resolve({ done: false, value: this.#takeAll() });
    }
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#position < this.#run.head) return Promise.resolve({ done: false, value: this.#take() });
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#run.waiting.push(this);
    });
  }

  #nextBatch(): Promise<IteratorResult<T[], undefined>> {
    if (this.#position < this.#run.head) return Promise.resolve({ done: false, value: this.#takeAll() });
    return new Promise((resolve) => {
      this.#resolveBatch = resolve;
      this.#run.waiting.push(this);
    });
  }

  #take(): T {
    this.#skipLost();
    const event = this.#run.slots[this.#position & MASK] as T;
    this.#position += 1;
    return event;
  }

  #takeAll(): T[] {
    this.#skipLost();
    const events: T[] = [];
    while (this.#position < this.#run.head) {
      events.push(this.#run.slots[this.#position & MASK] as T);
      this.#position += 1;
    }
    return events;
  }

  #skipLost(): void {
    const lost = this.#run.head - SLOTS - this.#position;
    if (lost <= 0) return;
    this.#dropped += lost;
    this.#position += lost;
  }
}
