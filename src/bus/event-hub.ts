import { AbortWatch } from "./abort-watch.js";
import { flat } from "./bounded-json.js";
import { isName, optionalFunction, positiveInteger, runIdName, wrong } from "./checks.js";
import { eventId } from "./cursor.js";
import { type Apart, Deadlines } from "./deadlines.js";
import {
  type BusEvent,
  type ControlEventMap,
  type EventDraft,
  type EventInput,
  type GapData,
  type Outcome,
  outcomes,
  type SubscriptionEnd,
} from "./event.js";
import { EventStream, type Feed, type Verdicts } from "./event-stream.js";
import {
  checkedStats,
  checkedSubscribe,
  type GlobalSubscribeOptions,
  type HistoryOptions,
  type HubOptions,
  type HubSettings,
  hubSettings,
  type StatsOptions,
  type SubscribeOptions,
} from "./hub-options.js";
import {
  checkedDraft,
  controlEvent,
  type GuardedRedact,
  isEventType,
  type MadeEvent,
  makeEvent,
  renumbered,
} from "./make-event.js";
import { synchronous } from "./promises.js";
import type { ReaderHost } from "./reader.js";
import { Readers } from "./readers.js";
import { replayOf } from "./replay.js";
import { Retention } from "./retention.js";
import type { Run, RunInfo, RunSnapshot, RunStanding } from "./run.js";
import { RunTable } from "./run-table.js";
import { type BusStats, dimensions, type Refusal, sum, zeros } from "./stats.js";
import type { Subscription } from "./subscription.js";
import { type Tap, type TapListener, Taps } from "./taps.js";

/** What the hub tells its owner. */
export interface HubOwner {
  /** Something went wrong that must not reach the publisher. */
  report(what: string, error: unknown): void;
  /** Sets timers with it. */
  readonly apart?: Apart;
  /** A run is about to be sealed: last events, and how it ended if nobody says otherwise. */
  closing?(run: Run): Outcome | undefined;
  /** False if the run belongs to another process: then nothing here seals it but `closeStream`. */
  owns?(run: Run): boolean;
  /** A run was sealed or forgotten. */
  closed?(run: Run): void;
}

/** Event types of which one copy is shared. */
const MAX_TYPES = 1000;

/** Runs, their histories and their readers. Knows nothing of where events come from. */
export class EventHub implements ReaderHost {
  readonly deadlines: Deadlines;
  readonly aborts = new AbortWatch();
  readonly unreadTimeoutMillis: number;
  readonly #settings: HubSettings;
  readonly #owner: HubOwner;
  readonly #taps: Taps;
  readonly #retention: Retention;
  readonly #redact: GuardedRedact | undefined;
  readonly #runs: RunTable;
  readonly #types = new Map<string, string>();
  readonly #readers: Readers;
  #global: EventStream;
  #deciding = false;
  /** No run begins any more; those open say their last. Then nothing is taken. */
  #stopping = false;
  #shutdown = false;
  #openSpans = 0;
  readonly #refused = zeros(dimensions.refusal.values);
  readonly #counts = {
    published: 0,
    delivered: 0,
    evictedRuns: 0,
    abandonedSpans: 0,
    errors: 0,
  };

  constructor(options: HubOptions, owner: HubOwner) {
    this.#settings = hubSettings(options);
    this.#owner = owner;
    this.deadlines = new Deadlines((error) => this.report("timer", error), owner.apart);
    this.unreadTimeoutMillis = this.#settings.unreadTimeoutMillis;
    this.#readers = new Readers(this.#settings, this);
    this.#taps = new Taps((what, error) => this.report(what, error));
    this.#retention = new Retention(this.#settings, (run) => this.#evicted(run));
    const { redact } = this.#settings;
    const redacted = (draft: EventDraft) => checkedDraft(synchronous("redact", redact?.(draft)));
    this.#redact = redact && ((draft) => this.decide("redact", () => redacted(draft), undefined));
    this.#global = new EventStream(this.#settings.maxQueueSize);
    this.#runs = new RunTable(this.#settings, this.deadlines, (run, outcome) => {
      if (this.#isOwned(run)) this.close(run, outcome);
      else this.detach(run);
    });
  }

  get isShutdown(): boolean {
    return this.#shutdown;
  }

  // ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribe(runId: string, options?: SubscribeOptions): Subscription {
    const checked = checkedSubscribe("options", options);
    runIdName(runId);
    this.#readers.admit("run");
    const run = this.#awaited(runId);
    const replay = replayOf(run, checked.after);
    run.readers += 1;
    this.#retention.look(run);
    if (run.closing) this.deadlines.keepAlive(run.closing, true);
    const left = (): void => {
      run.readers -= 1;
      this.#retention.look(run);
      if (run.readers === 0 && run.closing) this.deadlines.keepAlive(run.closing, false);
      this.#runs.forgetAwaited(run);
    };
    return this.#readers.attach({ run, stream: run.stream, replay, options: checked, left });
  }

  subscribeGlobal(options?: GlobalSubscribeOptions): Subscription {
    const checked: GlobalSubscribeOptions = checkedSubscribe("options", options);
    this.#readers.admit("global");
    return this.#readers.attach({ run: undefined, stream: this.#global, replay: { events: [] }, options: checked });
  }

  history(runId: string, options?: HistoryOptions): readonly BusEvent[] {
    const { after, limit } = options ?? {};
    if (after !== undefined && typeof after !== "string") throw wrong(TypeError, "after", "an event id", after);
    if (limit !== undefined) positiveInteger("limit", limit);
    const run = this.#runs.get(runIdName(runId));
    if (!run) return [];
    if (after === undefined) return run.history.all().slice(limit === undefined ? 0 : -limit);
    return replayOf(run, after).events.slice(0, limit);
  }

  runs(): readonly RunInfo[] {
    const runs: Run[] = [];
    for (const run of this.#runs.all()) if (run.known && (run.state === "open" || run.retained.listed)) runs.push(run);
    return runs.sort((a, b) => b.lastActivity - a.lastActivity).map((run) => this.#info(run));
  }

  runInfo(runId: string): RunInfo | undefined {
    const run = this.#runs.get(runIdName(runId));
    return run?.known ? this.#info(run) : undefined;
  }

  standing(runId: string, generation?: string): RunStanding | undefined {
    if (generation !== undefined && typeof generation !== "string")
      throw wrong(TypeError, "generation", "the generation of a run", generation);
    return this.#runs.standing(runIdName(runId), generation);
  }

  snapshot(runId: string, options?: HistoryOptions): RunSnapshot | undefined {
    const events = this.history(runId, options);
    const standing = this.standing(runId);
    return standing && { ...standing, events };
  }

  tap(listener: ((event: BusEvent) => void) | TapListener): Tap {
    if (typeof listener === "function") return this.#taps.add({ event: listener });
    if (typeof listener !== "object" || listener === null) {
      throw wrong(TypeError, "listener", "a function or an object of functions", listener);
    }
    for (const name of ["event", "opened", "closed"] as const) optionalFunction(`listener.${name}`, listener[name]);
    return this.#taps.add(listener);
  }

  stats(options?: StatsOptions): BusStats {
    const { depths, details } = checkedStats(options);
    const { dropped, queuedEvents, queueCapacity, queueUtilization } = this.#readers.figures();
    const { rejected, attached } = this.#readers;
    const stats: BusStats = {
      ...this.#counts,
      dropped: dropped.run.lagged + dropped.global.lagged,
      refused: sum(this.#refused),
      rejectedSubscribers: sum(rejected),
      activeRuns: this.#runs.open.size,
      retainedRuns: this.#retention.runs.size,
      historyEvents: this.#retention.events,
      historyBytes: this.#retention.bytes,
      runSubscribers: attached.run,
      globalSubscribers: attached.global,
      openSpans: this.#openSpans,
      queuedEvents: sum(queuedEvents),
    };
    return {
      ...stats,
      ...(depths && { queueDepths: this.#readers.depths(), historyDepths: this.#retention.depths() }),
      ...(details && {
        details: {
          dropped,
          refused: { ...this.#refused },
          rejectedSubscribers: { ...rejected },
          queuedEvents,
          queueCapacity,
          queueUtilization,
          closedRuns: this.#retention.closedRuns,
        },
      }),
    };
  }

  // ── write ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publishes into this very generation. `counted: false` keeps a wrapper span out of the run's totals; data and ids of what
   * is `owned` are nobody else's.
   */
  append(run: Run, input: EventInput, counted = true, owned = false): BusEvent | undefined {
    if (!this.#takes(run)) return this.#refuseFor(run, this.#deciding ? "nested" : "sealed");
    const made = this.#made(run, input, owned);
    if (typeof made === "string") return this.#refuseFor(run, made);
    if (!this.#takes(run)) return this.#refuseFor(run, "sealed");
    let { event } = made;
    let opened = isBegun(run) ? undefined : this.#control(run, "bus.run.opened", {});
    // Readers decide before anything is written: their callbacks may close the run.
    const asked = run.stream.asks || this.#global.asks;
    const verdicts = asked ? this.#ask(event, run.stream, this.#global) : undefined;
    const openedVerdicts = opened && this.#ask(opened, this.#global);
    if (!this.#takes(run)) return this.refuse("sealed");
    if (opened && this.#taps.isFlooded) return this.#refuseFor(run, "nested");
    // Or another one, and who hears of the end of that may have published into this.
    if (event.seq !== run.seq + 1) event = renumbered(event, run);
    if (isBegun(run)) opened = undefined;
    if (!this.#begin(run)) return this.refuse("sealed");

    const now = this.deadlines.now();
    run.note(event, now, counted);
    this.#counts.published += 1;
    if (this.#settings.transient.has(event.type)) this.#retention.touch(run);
    else this.#retention.keep(run, event, made.bytes);
    run.stream.append(event, now, verdicts);
    if (opened) this.#global.append(opened, now, openedVerdicts);
    this.#global.append(event, now, verdicts);
    if (!this.#taps.none) this.#taps.published(event, opened && this.#info(run));
    if (opened) this.#makeRoom(run);
    return event;
  }

  /** The event, or why there is none. A run that was only about to begin is forgotten, too, when a getter throws. */
  #made(run: Run, input: EventInput, owned: boolean): MadeEvent | Refusal {
    try {
      const type = this.#typeOf(input.type);
      if (type === undefined) return "invalid";
      return makeEvent(run, input, type, this.#redact, owned) ?? "withheld";
    } catch (error) {
      this.#runs.forgetAwaited(run);
      throw error;
    }
  }

  /** One of another process takes no place of one of this. */
  #makeRoom(opened: Run): void {
    const isOwned = this.#isOwned(opened);
    this.#runs.makeRoom((run) => isOwned || !this.#isOwned(run));
  }

  /** The run has an event: the generation that it follows is over now. */
  #begin(run: Run): boolean {
    const sealed = run.opened.listed ? undefined : this.#runs.get(run.id);
    if (sealed && run.follows(sealed)) {
      this.#retention.forget(sealed);
      this.#runs.supersede(sealed);
    }
    return this.#runs.begin(run);
  }

  /** A run that was only about to begin is forgotten. */
  #refuseFor(run: Run, why: Refusal): undefined {
    this.#runs.forgetAwaited(run);
    return this.refuse(why);
  }

  /** Closes the newest generation, or the one given. */
  closeStream(runId: string, outcome?: Outcome, run?: Run): boolean {
    if (isName(runId)) return !this.#shutdown && this.close(run ?? this.#awaited(runId), checkedOutcome(outcome));
    this.refuse("invalid");
    return false;
  }

  dropHistory(runId: string): boolean {
    const run = this.#runs.get(runId);
    if (!run || (!run.known && run.state === "open")) return false;
    const told = isBegun(run);
    if (run.state === "open" && !run.isClosing) {
      run.isClosing = true;
      this.#lastEvents(run);
      if (isDropped(run)) return true;
    }
    this.#stop(run, "dropped", "unknown", { reason: "dropped" });
    this.#readers.release(runId);
    this.#retention.forget(run);
    this.#runs.drop(run);
    if (told) this.#closedTold(run, "unknown");
    return true;
  }

  closeGlobal(): void {
    this.#global.finish({ reason: "closed" });
    if (!this.#shutdown) this.#global = new EventStream(this.#settings.maxQueueSize);
  }

  /** Closes every run and the global stream, then refuses input. */
  shutdown(): void {
    if (this.#shutdown || this.#stopping) return;
    this.#stopping = true;
    for (const run of [...this.#runs.open.oldestFirst()]) {
      // A run of another process goes on there.
      this.close(run, this.#isOwned(run) ? undefined : "detached", "shutdown");
    }
    this.#shutdown = true;
    for (const run of this.#runs.all()) run.stream.finish({ reason: "shutdown" });
    this.#global.finish({ reason: "shutdown" });
  }

  /** The run that has events of this trace, the latest if there are several. */
  runOf(traceId: string): string | undefined {
    let latest: Run | undefined;
    for (const run of this.#runs.all()) {
      if (run.traceIds.has(traceId) && (!latest || run.lastActivity > latest.lastActivity)) latest = run;
    }
    return latest?.id;
  }

  // ── what the inlet needs ──────────────────────────────────────────────────────────────────────────────────────────

  /** The newest generation of the run, if it is known. */
  run(runId: string): Run | undefined {
    return this.#runs.get(runId);
  }

  /** The run that takes what is published under this id, or why there is none. */
  taking(runId: string | undefined): Run | Refusal {
    const known = runId === undefined ? undefined : this.#runs.get(runId);
    // Its name was looked at when it began.
    if (known?.opened.listed) return known;
    return isName(runId) ? (this.openRun(runId) ?? "sealed") : "invalid";
  }

  /** The generation that takes events of this id now, opened if there is none. Undefined when it is sealed. */
  openRun(runId: string): Run | undefined {
    if (this.#shutdown) return undefined;
    const run = this.#awaited(runId);
    return run.state === "closed" ? undefined : run;
  }

  /** Like `openRun`, but goes on with the next generation when the newest is sealed: that one stays until the next begins. */
  openNextRun(runId: string): Run | undefined {
    const sealed = this.#runs.get(runId);
    if (sealed?.state !== "closed" || this.#shutdown) return this.openRun(runId);
    return this.#runs.next(sealed);
  }

  /** Seals the run; its readers drain, then end. False if it was closed before. */
  close(run: Run, outcome?: Outcome, reason: "closed" | "shutdown" = "closed"): boolean {
    if (run.state !== "open" && run.state !== "detached") return false;
    if (run.isClosing || this.#shutdown) return false;
    run.isClosing = true;
    const byDefault = this.#lastEvents(run);
    if (isDropped(run)) return true;
    const ended = outcome ?? byDefault ?? "unknown";
    const told = isBegun(run);
    this.#stop(run, "closed", ended, { reason, outcome: ended });
    if (told) this.#closedTold(run, ended);
    this.#rememberIfEmpty(run);
    return true;
  }

  /** Ends the readers of a run that belongs to another process; its next event goes on in the same generation. */
  detach(run: Run): void {
    if (run.state !== "open" || run.isClosing) return;
    run.isClosing = true;
    this.#lastEvents(run);
    run.isClosing = false;
    if (isDropped(run)) return;
    this.#stop(run, "detached", "detached", { reason: "closed", outcome: "detached" });
    if (run.known) this.#closedTold(run, "detached");
    this.#rememberIfEmpty(run);
  }

  /** A callback is being asked about an event. */
  get isDeciding(): boolean {
    return this.#deciding;
  }

  /** Counts something that was not taken. */
  refuse(why: Refusal): undefined {
    this.#refused[this.#stopping ? "shutdown" : why] += 1;
  }

  report(what: string, error: unknown): void {
    this.#counts.errors += 1;
    this.#owner.report(what, error);
  }

  spanOpened(run: Run): void {
    run.openSpans += 1;
    this.#openSpans += 1;
  }

  spanEnded(run: Run): void {
    run.openSpans -= 1;
    this.#openSpans -= 1;
  }

  spanAbandoned(): void {
    this.#counts.abandonedSpans += 1;
  }

  /** Runs a callback that decides about an event: it cannot publish, and a throw is reported and gives `otherwise`. */
  decide<T>(what: string, callback: () => T, otherwise: T): T {
    const outer = this.#deciding;
    this.#deciding = true;
    try {
      return synchronous(what, callback());
    } catch (error) {
      this.report(what, error);
      return otherwise;
    } finally {
      this.#deciding = outer;
    }
  }

  delivered(events: number): void {
    this.#counts.delivered += events;
  }

  gap(last: BusEvent, data: GapData): BusEvent {
    return controlEvent(last.id, last.runId, "bus.gap", data);
  }

  // ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #awaited(runId: string): Run {
    const run = this.#runs.awaited(runId);
    // Nothing will come any more.
    if (this.#shutdown) run.stream.finish({ reason: "shutdown" });
    return run;
  }

  /** What its owner still has to say, also when a callback that decides about an event is what ends the run. */
  #lastEvents(run: Run): Outcome | undefined {
    const deciding = this.#deciding;
    this.#deciding = false;
    try {
      return this.#owner.closing?.(run);
    } finally {
      this.#deciding = deciding;
    }
  }

  #stop(run: Run, state: "closed" | "detached" | "dropped", outcome: Outcome, end: SubscriptionEnd): void {
    this.#lookWhoOwns(run);
    const wasDetached = run.state === "detached";
    run.state = state;
    run.outcome = outcome;
    this.#runs.stop(run);
    this.#retention.look(run);
    // Its readers ended when it was detached: who comes now is told how it ended.
    if (wasDetached) run.stream = new EventStream(this.#settings.maxQueueSize);
    // A run that was detached may go on before its readers have read to this end.
    run.stream.finish(end, run.eventId(run.seq));
    this.#owner.closed?.(run);
  }

  #info(run: Run): RunInfo {
    this.#lookWhoOwns(run);
    return run.info();
  }

  /** Once it has stopped, nobody can tell any more. */
  #lookWhoOwns(run: Run): void {
    if (run.state === "open") run.owned = this.#isOwned(run);
  }

  #isOwned(run: Run): boolean {
    return this.#owner.owns?.(run) !== false;
  }

  #takes(run: Run): boolean {
    if (this.#shutdown || this.#deciding || (this.#stopping && !run.opened.listed)) return false;
    return run.state === "open" || run.state === "detached";
  }

  /** Who was told of the end may have dropped the run, or gone on with it. */
  #rememberIfEmpty(run: Run): void {
    if (run.state !== "open" && run.state !== "dropped" && !run.retained.listed) this.#runs.remember(run);
  }

  #closedTold(run: Run, outcome: Outcome): void {
    const closed = this.#control(run, "bus.run.closed", { outcome });
    this.#global.append(closed, this.deadlines.now(), this.#ask(closed, this.#global));
    if (!this.#taps.none) this.#taps.closed(run.info());
  }

  #control<T extends "bus.run.opened" | "bus.run.closed">(run: Run, type: T, data: ControlEventMap[T]): BusEvent {
    return controlEvent(eventId(run.generation, type === "bus.run.opened" ? 0 : run.seq), run.id, type, data);
  }

  /** Asks every `where`, also of readers that attach meanwhile. Undefined when there is none to ask. */
  #ask(event: BusEvent, ...streams: readonly EventStream[]): Verdicts | undefined {
    if (!streams.some((stream) => stream.asks)) return undefined;
    const verdicts = new Map<Feed, boolean>();
    for (let before = -1; before < verdicts.size; ) {
      before = verdicts.size;
      for (const stream of streams) stream.ask(event, verdicts);
    }
    return verdicts;
  }

  /** One flat copy of each event type, however many events have it. Undefined if it is none. */
  #typeOf(type: string): string | undefined {
    const known = this.#types.get(type);
    if (known !== undefined) return known;
    if (!isEventType(type)) return undefined;
    const copy = flat(type);
    if (this.#types.size < MAX_TYPES) this.#types.set(copy, copy);
    return copy;
  }

  /** Eviction takes a run's events, never its identity. */
  #evicted(run: Run): void {
    this.#counts.evictedRuns += 1;
    run.stream.finish({ reason: "evicted" });
    if (run.state === "open") run.stream = new EventStream(this.#settings.maxQueueSize);
    else this.#runs.remember(run);
  }
}

/** Anything else is left to the default: closing must not throw. */
function checkedOutcome(outcome: Outcome | undefined): Outcome | undefined {
  return outcomes.find((each) => each === outcome);
}

/** It had an event, and goes on. */
function isBegun(run: Run): boolean {
  return run.known && run.state === "open";
}

function isDropped(run: Run): boolean {
  return run.state === "dropped";
}
