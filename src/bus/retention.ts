import type { BusEvent } from "./event.js";
import { RecencyList } from "./recency-list.js";
import type { Run } from "./run.js";

export interface RetentionLimits {
  readonly historyPerRun: number;
  readonly maxRuns: number;
  readonly maxHistoryBytes: number;
}

/** Keeps the newest events of the runs that published last, within all three limits. */
export class Retention {
  /** Events kept, and their size in bytes of JSON, over all runs. */
  events = 0;
  bytes = 0;
  readonly runs = new RecencyList<Run>();
  /** Of those, the ones that are over and that nobody reads: they go first. */
  readonly #spare = new RecencyList<Run>();
  readonly #limits: RetentionLimits;
  readonly #evicted: (run: Run) => void;

  constructor(limits: RetentionLimits, evicted: (run: Run) => void) {
    this.#limits = limits;
    this.#evicted = evicted;
  }

  keep(run: Run, event: BusEvent, bytes: number): void {
    const { historyPerRun, maxRuns, maxHistoryBytes } = this.#limits;
    run.history.push(event, bytes);
    this.events += 1;
    this.bytes += bytes;
    this.runs.touch(run.retained);
    this.#spare.remove(run.spare);
    if (run.history.length > historyPerRun) this.#dropOldest(run);
    while (this.runs.size > maxRuns) this.#evict(this.#leastNeeded());
    while (this.bytes > maxHistoryBytes) {
      const least = this.#leastNeeded();
      // The run that just published loses its oldest events rather than all.
      if (least === run) this.#dropOldest(run);
      else this.#evict(least);
    }
  }

  /** The run published something that is not kept. */
  touch(run: Run): void {
    if (run.retained.listed) this.runs.touch(run.retained);
    this.#spare.remove(run.spare);
  }

  /** The run is over, or its readers came or left: is it spare, and since when was it not published? */
  look(run: Run): void {
    const isSpare = run.retained.listed && run.state !== "open" && run.readers === 0;
    if (!isSpare) this.#spare.remove(run.spare);
    else if (!run.spare.listed) this.#spare.place(run.spare, ({ retained }) => retained.used > run.retained.used);
  }

  /** Events kept of each run. */
  depths(): Record<string, number> {
    const depths: Record<string, number> = Object.create(null);
    for (const run of this.runs.newestFirst()) depths[run.id] = run.history.length;
    return depths;
  }

  /** Runs that are closed and whose events are kept. */
  get closedRuns(): number {
    let closed = 0;
    for (const run of this.runs.newestFirst()) if (run.state !== "open") closed += 1;
    return closed;
  }

  /** Lets go of a run's events. */
  forget(run: Run): void {
    this.events -= run.history.length;
    this.bytes -= run.history.bytes;
    run.forget();
    this.#unlist(run);
  }

  #unlist(run: Run): void {
    this.runs.remove(run.retained);
    this.#spare.remove(run.spare);
  }

  #evict(run: Run): void {
    this.forget(run);
    this.#evicted(run);
  }

  #dropOldest(run: Run): void {
    this.bytes -= run.history.dropOldest();
    this.events -= 1;
    if (run.history.length === 0) this.#unlist(run);
  }

  /** Least recently published first, runs that are open or read last. */
  #leastNeeded(): Run {
    return (this.#spare.oldest ?? this.runs.oldest) as Run;
  }
}
