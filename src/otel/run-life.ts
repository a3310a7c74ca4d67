import { Deadline } from "../bus/deadlines.js";
import type { Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import type { SpanRecord } from "./span-record.js";
import type { Trace } from "./trace-table.js";

/** One `bus.run` in progress, or several of the same id that joined. */
export interface RunScope {
  readonly runId: string;
  /** Called inside a `runContext` of the same id, which goes on when this is over. */
  readonly joinsContext: boolean;
  /** When it began, in the order in which the process makes bindings and seals runs. */
  readonly order: number;
  /** Calls whose function has not settled. */
  active: number;
  /** Spans begun under its bindings that are open; of them those without a parent under the same scope. */
  open: number;
  openRoots: number;
  closed: boolean;
  /** How its function ended, if that was a rejection before its spans were over. */
  rejected: Outcome | undefined;
  /** Where its events went, once there was one. */
  run: Run | undefined;
  readonly look: Deadline;
}

/** What decides when an open run that has spans is over. */
export interface RunLife {
  readonly run: Run;
  /** Bound here, or its trace began here: only then a close seals it. */
  owned: boolean;
  /** Its id came with baggage: it belongs to another process. */
  remote: boolean;
  /** Bound by `runContext`: only `closeStream` closes it. */
  contextBound: boolean;
  scope: RunScope | undefined;
  readonly traces: Set<Trace>;
  /** Spans that are events and open, in order of start. */
  readonly openEvents: Set<SpanRecord>;
  openOutermost: number;
  /** How the outermost agent that ended last ended. */
  outcome: Outcome | undefined;
  readonly grace: Deadline;
}

/** Closes runs when they are over. */
export class RunLives {
  readonly #hub: EventHub;
  readonly graceMillis: number;
  /** Held by the run alone: one that never had an event leaves nothing behind. */
  readonly #lives = new WeakMap<Run, RunLife>();

  constructor(hub: EventHub, graceMillis: number) {
    this.#hub = hub;
    this.graceMillis = graceMillis;
  }

  get(run: Run): RunLife | undefined {
    return this.#lives.get(run);
  }

  of(run: Run): RunLife {
    let life = this.#lives.get(run);
    if (!life) {
      const made: RunLife = {
        run,
        owned: false,
        remote: false,
        contextBound: false,
        scope: undefined,
        traces: new Set(),
        openEvents: new Set(),
        openOutermost: 0,
        outcome: undefined,
        grace: new Deadline((now) => this.#graceOver(made, now)),
      };
      life = made;
      this.#lives.set(run, made);
    }
    return life;
  }

  /** The run was sealed, detached or dropped. */
  forget(run: Run): RunLife | undefined {
    const life = this.#lives.get(run);
    if (!life) return undefined;
    this.#lives.delete(run);
    this.#hub.deadlines.clear(life.grace);
    if (run.closing === life.grace) run.closing = undefined;
    return life;
  }

  /** An event without a span of its own went into the run: it is over when nothing around it is open. */
  touched(run: Run, trace: Trace | undefined): void {
    if (run.state !== "open" || !run.known) return;
    const life = this.of(run);
    if (trace && trace.open > 0) this.join(life, trace);
    this.consider(life);
  }

  join(life: RunLife, trace: Trace): void {
    life.traces.add(trace);
    trace.lives.add(life);
    life.owned ||= trace.owned && !life.remote;
  }

  /** Something of the run ended: is the run over? */
  consider(life: RunLife): void {
    if (life.run.state !== "open" || this.#lives.get(life.run) !== life) return;
    const next = this.#next(life);
    if (next === "close") this.#hub.close(life.run);
    else if (next !== "wait") this.#startGrace(life);
  }

  #next(life: RunLife): "wait" | "close" | "grace" | "detach" {
    if (life.contextBound || life.openOutermost > 0) return "wait";
    // A scope closes its run itself when nothing is open; here it only waits for what was left open.
    if (life.scope)
      return life.scope.active === 0 && life.scope.openRoots === 0 && life.scope.open > 0 ? "grace" : "wait";
    let open = life.openEvents.size > 0;
    for (const trace of life.traces) {
      if (trace.openRoots > 0) return "wait";
      open ||= trace.open > 0;
    }
    if (life.owned) return open ? "grace" : "close";
    return life.openEvents.size > 0 ? "wait" : "detach";
  }

  #startGrace(life: RunLife): void {
    if (life.grace.index >= 0) return;
    life.run.closing = life.grace;
    life.grace.keepsAlive = life.run.readers > 0;
    this.#hub.deadlines.set(life.grace, Math.max(life.run.lastActivity, this.#hub.deadlines.now()) + this.graceMillis);
  }

  #graceOver(life: RunLife, now: number): void {
    if (life.run.state !== "open") return;
    const next = this.#next(life);
    if (next === "wait") {
      life.run.closing = undefined;
      return;
    }
    const due = life.run.lastActivity + this.graceMillis;
    if (next !== "close" && due > now) this.#hub.deadlines.set(life.grace, due);
    else if (next === "detach") this.#hub.detach(life.run);
    else this.#hub.close(life.run);
  }
}
