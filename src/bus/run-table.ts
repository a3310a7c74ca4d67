import { Deadline, type Deadlines } from "./deadlines.js";
import { EventStream } from "./event-stream.js";
import { RecencyList } from "./recency-list.js";
import { Run, type RunStanding } from "./run.js";

export interface RunTableLimits {
  readonly maxOpenRuns: number;
  readonly maxQueueSize: number;
  readonly idleTimeoutMillis: number;
}

/** Closed runs of which no events are kept. */
const MAX_REMEMBERED = 1000;

/** Generations that a newer one followed, of which it is known where they ended. */
const MAX_SUPERSEDED = 1000;

/** The newest generation of every run that is open, kept, awaited by a reader, or remembered as closed. */
export class RunTable {
  /** Open runs, in order of last use. */
  readonly open = new RecencyList<Run>();
  readonly #byId = new Map<string, Run>();
  readonly #remembered = new RecencyList<Run>();
  /** How generations ended that a newer one followed, oldest first. */
  readonly #superseded = new Map<string, RunStanding>();
  readonly #limits: RunTableLimits;
  readonly #deadlines: Deadlines;
  /** Ends the run: it was idle for too long, or too many are open. */
  readonly #end: (run: Run, outcome: "idle" | "abandoned") => void;
  /** Makes generations unique across buses and processes. */
  readonly #prefix = [...crypto.getRandomValues(new Uint32Array(2))].map((word) => word.toString(36)).join("");
  #generations = 0;

  constructor(limits: RunTableLimits, deadlines: Deadlines, end: (run: Run, outcome: "idle" | "abandoned") => void) {
    this.#limits = limits;
    this.#deadlines = deadlines;
    this.#end = end;
  }

  get(runId: string): Run | undefined {
    return this.#byId.get(runId);
  }

  all(): Iterable<Run> {
    return this.#byId.values();
  }

  /** The run, or a new one that has not begun. */
  awaited(runId: string): Run {
    let run = this.#byId.get(runId);
    if (!run) {
      run = this.#make(runId);
      this.#byId.set(run.id, run);
    }
    return run;
  }

  /** The generation behind a sealed one. It takes the place of that with its first event. */
  next(sealed: Run): Run {
    if (sealed.next?.state !== "open") {
      sealed.next = this.#make(sealed.id);
      sealed.next.sealedBefore = sealed.sealedAt;
    }
    return sealed.next;
  }

  #make(runId: string): Run {
    this.#generations += 1;
    const generation = `${this.#prefix}-${this.#generations.toString(36)}`;
    return new Run(runId, generation, this.#limits.maxQueueSize, this.#deadlines.now());
  }

  /** Forgets a run that never began and that nobody awaits any more. */
  forgetAwaited(run: Run): void {
    if (run.readers > 0 || run.known || run.opened.listed || run.remembered.listed) return;
    const holder = this.#byId.get(run.id);
    if (holder?.next === run) holder.next = undefined;
    this.#delete(run);
  }

  /** The run has an event: opens it, or keeps it open. False if another run took its id while it had none. */
  begin(run: Run): boolean {
    if (run.opened.listed) {
      this.open.touch(run.opened);
      return true;
    }
    const holder = this.#byId.get(run.id);
    if (holder && holder !== run) return false;
    this.#byId.set(run.id, run);
    if (run.state === "detached") this.#resume(run);
    this.open.touch(run.opened);
    const idle = new Deadline((now) => {
      const due = run.lastActivity + this.#limits.idleTimeoutMillis;
      if (due <= now) this.#end(run, "idle");
      else this.#deadlines.set(idle, due);
    });
    run.idle = idle;
    this.#deadlines.set(idle, this.#deadlines.now() + this.#limits.idleTimeoutMillis);
    return true;
  }

  /** Ends the least recently published that may go while more are open than allowed. One that is being closed leaves by itself. */
  makeRoom(mayGo: (run: Run) => boolean): void {
    let surplus = this.open.size - this.#limits.maxOpenRuns;
    if (surplus <= 0) return;
    const leaving: Run[] = [];
    for (const run of this.open.oldestFirst()) {
      if (!run.isClosing && !mayGo(run)) continue;
      if (!run.isClosing) leaving.push(run);
      surplus -= 1;
      if (surplus === 0) break;
    }
    for (const run of leaving) this.#end(run, "abandoned");
  }

  #resume(run: Run): void {
    run.state = "open";
    run.outcome = undefined;
    run.stream = new EventStream(this.#limits.maxQueueSize);
    this.#remembered.remove(run.remembered);
  }

  /** The run is no longer open. */
  stop(run: Run): void {
    this.open.remove(run.opened);
    if (run.idle) this.#deadlines.clear(run.idle);
  }

  /** Keeps the identity of a closed run, so that a later reader ends and a late event is refused. */
  remember(run: Run): void {
    const holder = this.#byId.get(run.id);
    if (holder?.next === run) {
      // It had no event: what was bound for it is sealed with the one before.
      holder.sealedAt = run.sealedAt;
      holder.next = undefined;
      return;
    }
    if (!holder) this.#byId.set(run.id, run);
    this.#remembered.touch(run.remembered);
    const { oldest } = this.#remembered;
    if (this.#remembered.size > MAX_REMEMBERED && oldest) this.forget(oldest);
  }

  forget(run: Run): void {
    this.#remembered.remove(run.remembered);
    this.#delete(run);
  }

  /** Forgets the run and what was known of the generations before it. */
  drop(run: Run): void {
    this.forget(run);
    for (const key of this.#superseded.keys()) if (isLifeOf(key, run.id)) this.#superseded.delete(key);
  }

  /** Forgets a closed run because its next generation begins; where it ended stays known for a while. */
  supersede(run: Run): void {
    run.next = undefined;
    this.forget(run);
    this.#superseded.set(lifeOf(run.generation, run.id), run.standing());
    const [oldest] = this.#superseded.keys();
    if (this.#superseded.size > MAX_SUPERSEDED && oldest !== undefined) this.#superseded.delete(oldest);
  }

  /** The newest generation of a run, or the one asked for. */
  standing(runId: string, generation: string | undefined): RunStanding | undefined {
    const run = this.#byId.get(runId);
    if (run && (generation === undefined || generation === run.generation)) return run.standing();
    return generation === undefined ? undefined : this.#superseded.get(lifeOf(generation, runId));
  }

  #delete(run: Run): void {
    if (this.#byId.get(run.id) === run) this.#byId.delete(run.id);
  }
}

/** A generation has no space in it. Who knows one of another run learns nothing. */
function lifeOf(generation: string, runId: string): string {
  return `${generation} ${runId}`;
}

function isLifeOf(key: string, runId: string): boolean {
  return key.slice(key.indexOf(" ") + 1) === runId;
}
