import type { EndReason, Outcome, SubscriptionEnd } from "spanbus";

/** The limits that the model knows; all other options have their defaults. */
export interface Limits {
  readonly historyPerRun: number;
  readonly maxRuns: number;
  readonly maxHistoryBytes: number;
  readonly maxQueueSize: number;
  readonly maxRunSubscribers: number;
  readonly maxGlobalSubscribers: number;
  readonly maxOpenRuns: number;
  readonly idleTimeoutMillis: number;
  readonly unreadTimeoutMillis: number;
}

/** An event, a control event or a gap, as a reader should get it. */
export interface Item {
  readonly run: ModelRun;
  readonly type: string;
  /** Its number in the run; of a gap, that of the last event missed. */
  readonly seq: number;
  /** What a test wrote into it, or what the bus says in it. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The event in front of a gap: a place to resume from. */
  readonly resumeAfter?: Item | string | undefined;
  readonly trick?: Trick | undefined;
}

/** What an event will do once a callback sees it. */
export interface Trick {
  readonly by: "redact" | "where" | "tap";
  /** In the model; the bus has the same done to it. */
  inModel(model: HubModel): void;
  /** The callback throws, or gives a promise, instead of an answer. */
  readonly fails: boolean;
  /** The redactor lets it pass. */
  readonly passes: boolean;
}

export interface Note {
  readonly runId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly bytes: number;
  readonly trick?: Trick | undefined;
}

/** What readers attach to. A run gets a new one when its events are evicted: who read before has to leave. */
export interface Stream {
  end?: SubscriptionEnd;
}

/** A run from its first event, or its first reader, until it is forgotten. */
export interface ModelRun {
  readonly id: string;
  /** What the bus calls this generation, once that was seen. */
  generation?: string;
  /** `awaited`: it has readers, but no event yet. */
  state: "awaited" | "open" | "closed" | "dropped";
  outcome?: Outcome;
  seq: number;
  readonly kept: { readonly item: Item; readonly bytes: number }[];
  /** Number of the newest event that was kept once. */
  lostSeq: number;
  stream: Stream;
  lastPublished: number;
  /** Place in the order of bindings and closes. */
  sealedAt: number;
  /** The same of the generation before. */
  sealedBefore: number;
  parentRunId?: string;
  /** Bound by `runContext`: goes on when a `bus.run` of it is over. */
  contextBound: boolean;
}

export interface Binding {
  readonly runId: string;
  readonly madeAt: number;
  readonly parentRunId?: string | undefined;
  readonly scope?: Scope | undefined;
  run?: ModelRun;
}

/** A `bus.run` in progress, or several that joined. */
export interface Scope {
  readonly runId: string;
  readonly joinsContext: boolean;
  active: number;
  closed: boolean;
  run?: ModelRun;
  /** When it is looked at whether it is over. */
  lookAt?: number;
}

export interface ModelTap {
  readonly heard: (Item | string)[];
  readonly touchy: boolean;
  on: boolean;
}

export interface ReaderOptions {
  readonly types: readonly string[] | undefined;
  readonly where: ((data: Readonly<Record<string, unknown>>) => boolean | "throws") | undefined;
  readonly signal: number | undefined;
  readonly idleTimeoutMillis: number | undefined;
}

/** A read, and what came of it once it did. */
export interface Ask {
  readonly batch: boolean;
  answer?: readonly Item[] | "done";
}

/** A reader: what it has to read, in order. */
export class ModelReader {
  readonly stream: Stream;
  readonly run: ModelRun | undefined;
  readonly options: ReaderOptions;
  gap: Item | undefined;
  replay: Item[] = [];
  readonly live: Item[] = [];
  /** Events lost since the last gap, and the newest of them. */
  lost = 0;
  lastLost: Item | undefined;
  dropped = 0;
  last: Item | string | undefined;
  readonly asks: Ask[] = [];
  end: SubscriptionEnd | undefined;
  /** Events it had to get, and those it got. */
  owed = 0;
  received = 0;
  taken = 0;
  deliveredAt: number;
  /** When the bus looks next whether it was forgotten, and what it saw at the last look. */
  lookAt: number;
  lookedAt: number;
  takenAtLook = 0;
  waitedAtLook = false;
  /** Since when something waits behind the place where all was read; not set while nothing does. */
  waitsSince: number | undefined;

  constructor(stream: Stream, run: ModelRun | undefined, options: ReaderOptions, now: number, unreadMillis: number) {
    this.stream = stream;
    this.run = run;
    this.options = options;
    this.deliveredAt = now;
    this.lookedAt = now;
    this.lookAt = now + unreadMillis;
  }

  get waiting(): number {
    return this.replay.length + this.live.length;
  }

  get ready(): boolean {
    return this.gap !== undefined || this.lost > 0 || this.waiting > 0;
  }

  get caughtUp(): boolean {
    return this.gap === undefined && this.replay.length === 0;
  }

  wantsType(type: string): boolean {
    const { types } = this.options;
    return !types || types.some((each) => (each.endsWith(".*") ? type.startsWith(each.slice(0, -1)) : each === type));
  }
}

/** What the bus should do, in lists and loops: slow, and easy to check by eye. */
export class HubModel {
  readonly limits: Limits;
  now = 0;
  order = 0;
  /** The newest generation of every run that is known. */
  readonly runs = new Map<string, ModelRun>();
  /** Runs that are open, and runs whose events are kept, least recently published first. */
  open: ModelRun[] = [];
  retained: ModelRun[] = [];
  global: Stream = {};
  /** Readers that are attached, in the order in which they came. */
  attached: ModelReader[] = [];
  /** Every reader there ever was. */
  readonly readers: ModelReader[] = [];
  readonly abortedSignals = new Set<number>();
  readonly taps: ModelTap[] = [];
  readonly inProgress = new Map<string, Scope>();
  readonly scopes: Scope[] = [];
  binding: Binding | undefined;
  /** A callback that decides about an event is being asked. */
  deciding = false;
  stopping = false;
  stopped = false;
  published = 0;
  delivered = 0;
  droppedByLeft = { run: 0, global: 0 };
  evictedRuns = 0;
  errors = 0;
  readonly refused: Record<string, number> = {};
  readonly rejected = { run: 0, global: 0 };
  /** Readers about to attach: their `where` is being asked about the replay. */
  readonly #coming = { run: 0, global: 0 };
  readonly #played = new Set<Trick>();
  #notices: (() => void)[] | undefined;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  // ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  readersOf(run: ModelRun): ModelReader[] {
    return this.attached.filter((reader) => reader.run === run);
  }

  #awaited(runId: string): ModelRun {
    let run = this.runs.get(runId);
    if (!run) {
      run = newRun(runId, this.now);
      this.runs.set(runId, run);
    }
    if (this.stopped) run.stream.end ??= { reason: "shutdown" };
    return run;
  }

  /** A run that nobody awaits any more, and that never had an event, was never there. */
  #forgetAwaited(run: ModelRun): void {
    if (run.state === "awaited" && this.readersOf(run).length === 0) this.#forget(run);
  }

  #forget(run: ModelRun): void {
    if (this.runs.get(run.id) === run) this.runs.delete(run.id);
  }

  #takes(run: ModelRun): boolean {
    if (this.stopped || this.deciding || (this.stopping && run.state !== "open")) return false;
    return run.state === "open" || run.state === "awaited";
  }

  refuse(why: string): undefined {
    const reason = this.stopping ? "shutdown" : why;
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
  }

  // ── write ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  publish(note: Note): Item | undefined {
    const { binding } = this;
    if (binding?.runId === note.runId) return this.#publishBound(binding, note);
    const run = this.stopped ? undefined : this.#awaited(note.runId);
    return run && run.state !== "closed" ? this.#append(run, note) : this.refuse("sealed");
  }

  emit(note: Omit<Note, "runId">): Item | undefined {
    if (!this.binding) return this.refuse("unkeyed");
    return this.#publishBound(this.binding, { ...note, runId: this.binding.runId });
  }

  #publishBound(binding: Binding, note: Note): Item | undefined {
    const run = this.#runOf(binding);
    if (!run) return this.refuse("sealed");
    if (this.deciding) {
      this.#forgetAwaited(run.run);
      // One that readers await stays, and knows by whom it was called for.
      if (this.runs.get(binding.runId) === run.run) this.#bind(binding, run.run);
      return this.refuse("nested");
    }
    this.#bind(binding, run.run);
    return this.#append(run.run, note, run.follows);
  }

  /** The generation of a binding, and the sealed one that it would follow. */
  #runOf(binding: Binding): { run: ModelRun; follows?: ModelRun } | undefined {
    const { run: bound, scope } = binding;
    if (bound && bound.state !== "dropped" && bound.state !== "awaited") return { run: bound };
    if (scope?.closed && bound?.state !== "dropped") return undefined;
    const newest = this.runs.get(binding.runId);
    if (newest && binding.madeAt < (newest.state === "closed" ? newest.sealedAt : newest.sealedBefore))
      return undefined;
    if (this.stopped) return undefined;
    if (newest?.state !== "closed") return { run: this.#awaited(binding.runId) };
    const next = newRun(binding.runId, this.now);
    next.sealedBefore = newest.sealedAt;
    return { run: next, follows: newest };
  }

  #bind(binding: Binding, run: ModelRun): void {
    if (binding.run === run) return;
    binding.run = run;
    const { parentRunId, scope } = binding;
    if (parentRunId !== undefined) run.parentRunId ??= parentRunId;
    if (!scope || scope.joinsContext) run.contextBound = true;
    else scope.run = run;
  }

  #append(run: ModelRun, note: Note, follows?: ModelRun): Item | undefined {
    const refuse = (why: string): undefined => {
      this.#forgetAwaited(run);
      return this.refuse(why);
    };
    if (!this.#takes(run)) return refuse(this.deciding ? "nested" : "sealed");
    if (note.type === "" || note.type.startsWith("bus.")) return refuse("invalid");
    if (note.trick?.by === "redact" && !this.#redacted(note.trick)) return refuse("withheld");
    if (!this.#takes(run)) return refuse("sealed");
    const item: Item = { run, type: note.type, seq: run.seq + 1, data: note.data, trick: note.trick };
    const opened: Item | undefined =
      run.state === "open" ? undefined : { run, type: "bus.run.opened", seq: 0, data: {} };
    const hidden = this.#ask(item, [run.stream, this.global]);
    const openedHidden = opened ? this.#ask(opened, [this.global]) : hidden;
    if (!this.#takes(run)) return this.refuse("sealed");

    if (follows) {
      // The generation before goes, and takes its events along.
      this.#forgetEvents(follows);
      this.#forget(follows);
    }
    this.runs.set(run.id, run);
    run.state = "open";
    run.seq += 1;
    run.lastPublished = this.now;
    this.open = [...this.open.filter((each) => each !== run), run];
    this.published += 1;
    if (note.type !== "blip") this.#keep(run, item, note.bytes);
    this.#send(run.stream, item, hidden);
    if (opened) this.#send(this.global, opened, openedHidden);
    this.#send(this.global, item, hidden);
    if (opened) this.#tell(`opened ${run.id}`);
    this.#tell(item);
    if (opened && this.open.length > this.limits.maxOpenRuns && this.open[0]) this.#close(this.open[0], "abandoned");
    return item;
  }

  #redacted(trick: Trick): boolean {
    const deciding = this.deciding;
    this.deciding = true;
    this.#play(trick);
    this.deciding = deciding;
    if (trick.fails) this.errors += 1;
    return trick.passes && !trick.fails;
  }

  /** Tricks that were played. */
  get tricks(): number {
    return this.#played.size;
  }

  #play(trick: Trick): void {
    if (this.#played.has(trick)) return;
    this.#played.add(trick);
    trick.inModel(this);
  }

  /** Asks every `where` of these streams, also of readers that come meanwhile. Who is left out does not get the event. */
  #ask(item: Item, streams: readonly Stream[]): Set<ModelReader> {
    const hidden = new Set<ModelReader>();
    const asked = new Set<ModelReader>();
    for (;;) {
      const next = streams
        .flatMap((stream) => (stream.end ? [] : this.attached.filter((reader) => reader.stream === stream)))
        .find((reader) => reader.options.where && !asked.has(reader));
      if (!next) return hidden;
      asked.add(next);
      if (next.wantsType(item.type) && !this.#passes(next, item)) hidden.add(next);
    }
  }

  #passes(reader: ModelReader, item: Item): boolean {
    const { where } = reader.options;
    if (!where) return true;
    const deciding = this.deciding;
    this.deciding = true;
    if (item.trick?.by === "where") this.#play(item.trick);
    this.deciding = deciding;
    const verdict = where(item.data);
    if (verdict === "throws") this.errors += 1;
    return verdict === true;
  }

  #send(stream: Stream, item: Item, hidden: ReadonlySet<ModelReader>): void {
    if (stream.end) return;
    for (const reader of this.attached) {
      if (reader.stream !== stream || hidden.has(reader) || !reader.wantsType(item.type)) continue;
      reader.owed += 1;
      if (reader.live.length === 0) reader.waitsSince ??= this.now;
      reader.live.push(item);
      if (reader.live.length <= this.limits.maxQueueSize) continue;
      reader.lastLost = reader.live.shift();
      reader.lost += 1;
      reader.dropped += 1;
    }
  }

  // ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────────

  get historyEvents(): number {
    return this.retained.reduce((sum, run) => sum + run.kept.length, 0);
  }

  get historyBytes(): number {
    return this.retained.reduce((sum, run) => sum + run.kept.reduce((bytes, each) => bytes + each.bytes, 0), 0);
  }

  #keep(run: ModelRun, item: Item, bytes: number): void {
    const { historyPerRun, maxRuns, maxHistoryBytes } = this.limits;
    run.kept.push({ item, bytes });
    this.retained = [...this.retained.filter((each) => each !== run), run];
    if (run.kept.length > historyPerRun) this.#dropOldest(run);
    while (this.retained.length > maxRuns) this.#evict(this.#leastNeeded());
    while (this.historyBytes > maxHistoryBytes) {
      const least = this.#leastNeeded();
      if (least === run) this.#dropOldest(run);
      else this.#evict(least);
    }
  }

  #leastNeeded(): ModelRun {
    const unneeded = this.retained.find((run) => run.state !== "open" && this.readersOf(run).length === 0);
    return unneeded ?? (this.retained[0] as ModelRun);
  }

  #dropOldest(run: ModelRun): void {
    run.lostSeq = run.kept.shift()?.item.seq ?? run.lostSeq;
    if (run.kept.length === 0) this.#forgetEvents(run);
  }

  #forgetEvents(run: ModelRun): void {
    run.lostSeq = run.kept.at(-1)?.item.seq ?? run.lostSeq;
    run.kept.length = 0;
    this.retained = this.retained.filter((each) => each !== run);
  }

  #evict(run: ModelRun): void {
    this.#forgetEvents(run);
    this.evictedRuns += 1;
    run.stream.end ??= { reason: "evicted" };
    if (run.state === "open") run.stream = {};
  }

  // ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Undefined when there are too many readers. */
  subscribe(runId: string, after: string | undefined, options: ReaderOptions): ModelReader | undefined {
    if (this.#isFull("run")) return undefined;
    const run = this.#awaited(runId);
    const reader = this.#newReader(run.stream, run, options);
    if (after !== undefined && after !== "live") reader.last = after;
    const { gap, items } = this.replay(run, after);
    reader.gap = gap;
    reader.replay = items.filter((item) => reader.wantsType(item.type) && this.#passes(reader, item));
    reader.owed = reader.replay.length;
    reader.waitedAtLook = reader.ready;
    this.#start(reader);
    return reader;
  }

  subscribeGlobal(options: ReaderOptions): ModelReader | undefined {
    if (this.#isFull("global")) return undefined;
    const reader = this.#newReader(this.global, undefined, options);
    this.#start(reader);
    return reader;
  }

  #isFull(scope: "run" | "global"): boolean {
    const { maxRunSubscribers, maxGlobalSubscribers } = this.limits;
    const limit = scope === "run" ? maxRunSubscribers : maxGlobalSubscribers;
    const attached = this.attached.filter((reader) => scopeOf(reader) === scope).length;
    if (attached + this.#coming[scope] < limit) return false;
    this.rejected[scope] += 1;
    return true;
  }

  #newReader(stream: Stream, run: ModelRun | undefined, options: ReaderOptions): ModelReader {
    const reader = new ModelReader(stream, run, options, this.now, this.limits.unreadTimeoutMillis);
    this.#coming[scopeOf(reader)] += 1;
    return reader;
  }

  #start(reader: ModelReader): void {
    this.#coming[scopeOf(reader)] -= 1;
    this.readers.push(reader);
    this.attached.push(reader);
    const { signal } = reader.options;
    if (signal !== undefined && this.abortedSignals.has(signal)) this.leave(reader, { reason: "aborted" });
    else this.#endIfDrained(reader);
  }

  /** The events behind a cursor. */
  replay(run: ModelRun, after: string | undefined): { gap?: Item; items: Item[] } {
    if (after === "live") return { items: [] };
    const all = run.kept.map(({ item }) => item);
    if (after === undefined) return { items: all };
    const seq = this.#seqOf(run, after);
    const gap = (missed: number, reason: string): Item => ({
      run,
      type: "bus.gap",
      seq: run.lostSeq,
      data: { missed, reason },
      resumeAfter: after,
    });
    if (seq === undefined) return { gap: gap(run.lostSeq, "generation"), items: all };
    const items = all.filter((item) => item.seq > seq);
    return run.lostSeq > seq ? { gap: gap(run.lostSeq - seq, "evicted"), items } : { items };
  }

  #seqOf(run: ModelRun, cursor: string): number | undefined {
    for (let seq = 0; seq <= run.seq; seq += 1) if (cursor === `${run.generation}.${seq}`) return seq;
    return undefined;
  }

  ask(reader: ModelReader, batch: boolean): Ask {
    const ask: Ask = { batch };
    reader.asks.push(ask);
    this.#serve(reader);
    return ask;
  }

  /** Answers what can be answered, in the order of asking. A read that has to wait is answered in the next turn. */
  #serve(reader: ModelReader, waited = false): void {
    while (reader.asks[0] && (waited || reader.asks.length === 1) && reader.ready && !reader.end) {
      const ask = reader.asks.shift() as Ask;
      const items: Item[] = [];
      do items.push(this.#take(reader));
      while (ask.batch && reader.ready);
      ask.answer = items;
    }
    if (waited || reader.asks.length <= 1) this.#endIfDrained(reader);
    if (reader.end) this.#giveUp(reader);
  }

  #giveUp(reader: ModelReader): void {
    for (const ask of reader.asks.splice(0)) ask.answer = "done";
  }

  #take(reader: ModelReader): Item {
    let item = reader.gap ?? reader.replay.shift();
    if (!item && reader.lost > 0 && reader.lastLost) {
      const { run, seq } = reader.lastLost;
      const { last } = reader;
      const known = typeof last === "string" ? last.startsWith(`${run.generation}.`) : last?.run === run;
      item = { run, type: "bus.gap", seq, data: { missed: reader.lost, reason: "lagged" } };
      if (known) item = { ...item, resumeAfter: last };
      reader.lost = 0;
    }
    item ??= reader.live.shift() as Item;
    reader.gap = undefined;
    if (item.type !== "bus.gap") {
      reader.received += 1;
      this.delivered += 1;
    }
    reader.last = item;
    reader.taken += 1;
    reader.deliveredAt = this.now;
    if (!reader.ready) reader.waitsSince = undefined;
    return item;
  }

  #endIfDrained(reader: ModelReader): void {
    if (!reader.end && reader.stream.end && !reader.ready) this.leave(reader, reader.stream.end);
  }

  leave(reader: ModelReader, end: SubscriptionEnd): void {
    if (reader.end) return;
    reader.end = end;
    reader.gap = undefined;
    reader.replay.length = 0;
    reader.live.length = 0;
    reader.lost = 0;
    this.attached = this.attached.filter((each) => each !== reader);
    this.droppedByLeft[scopeOf(reader)] += reader.dropped;
    this.#giveUp(reader);
    if (reader.run) this.#forgetAwaited(reader.run);
  }

  abort(signal: number): void {
    this.abortedSignals.add(signal);
    for (const reader of [...this.attached])
      if (reader.options.signal === signal) this.leave(reader, { reason: "aborted" });
  }

  /** A microtask went by: who waits is woken, and told of the end. */
  turn(): void {
    for (const reader of [...this.attached]) this.#serve(reader, true);
  }

  // ── close ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  closeStream(runId: string, outcome?: Outcome): boolean {
    return !this.stopped && this.#close(this.#awaited(runId), outcome ?? "unknown");
  }

  #close(run: ModelRun, outcome: Outcome, reason: EndReason = "closed"): boolean {
    if (run.state === "closed" || run.state === "dropped" || this.stopped) return false;
    const told = run.state === "open";
    this.#seal(run, "closed", outcome, { reason, outcome });
    if (told) this.#closedTold(run, outcome);
    else if (!this.runs.has(run.id)) this.runs.set(run.id, run);
    return true;
  }

  #seal(run: ModelRun, state: "closed" | "dropped", outcome: Outcome, end: SubscriptionEnd): void {
    run.state = state;
    run.outcome = outcome;
    this.order += 1;
    run.sealedAt = this.order;
    run.stream.end ??= end;
    run.contextBound = false;
    this.open = this.open.filter((each) => each !== run);
  }

  #closedTold(run: ModelRun, outcome: Outcome): void {
    const closed: Item = { run, type: "bus.run.closed", seq: run.seq, data: { outcome } };
    this.#send(this.global, closed, this.#ask(closed, [this.global]));
    this.#tell(`closed ${run.id} ${outcome}`);
  }

  dropHistory(runId: string): boolean {
    const run = this.runs.get(runId);
    if (!run || run.state === "awaited") return false;
    const told = run.state === "open";
    this.#seal(run, "dropped", "unknown", { reason: "dropped" });
    for (const reader of this.readersOf(run)) this.leave(reader, { reason: "dropped" });
    this.#forgetEvents(run);
    this.#forget(run);
    if (told) this.#closedTold(run, "unknown");
    return true;
  }

  closeGlobal(): void {
    this.global.end ??= { reason: "closed" };
    if (!this.stopped) this.global = {};
  }

  shutdown(): void {
    if (this.stopped || this.stopping) return;
    this.stopping = true;
    for (const run of [...this.open]) this.#close(run, "unknown", "shutdown");
    this.stopped = true;
    for (const run of this.runs.values()) run.stream.end ??= { reason: "shutdown" };
    this.global.end ??= { reason: "shutdown" };
  }

  // ── run and runContext ────────────────────────────────────────────────────────────────────────────────────────────

  bind(runId: string): Binding {
    this.order += 1;
    return { runId, madeAt: this.order };
  }

  enter(runId: string): Binding {
    const { binding } = this;
    let scope = this.inProgress.get(runId);
    if (!scope) {
      const joinsContext = binding?.runId === runId && !binding.scope;
      scope = { runId, joinsContext, active: 0, closed: false };
      this.inProgress.set(runId, scope);
      this.scopes.push(scope);
    }
    scope.active += 1;
    this.order += 1;
    const parentRunId = binding && binding.runId !== runId ? binding.runId : undefined;
    return { runId, madeAt: this.order, parentRunId, scope };
  }

  /** A function that `run` called is over. */
  settled({ scope }: Binding, outcome?: Outcome): void {
    if (!scope) return;
    scope.active -= 1;
    if (scope.active > 0 || scope.closed) return;
    if (scope.joinsContext) this.inProgress.delete(scope.runId);
    else if (outcome) this.#closeScope(scope, outcome);
    else scope.lookAt = this.now;
  }

  #closeScope(scope: Scope, outcome?: Outcome): void {
    scope.closed = true;
    delete scope.lookAt;
    if (this.inProgress.get(scope.runId) === scope) this.inProgress.delete(scope.runId);
    if (scope.run && !scope.run.contextBound) this.#close(scope.run, outcome ?? "unknown");
    // Without an event of its own it closes what is there under its id.
    if (scope.run && scope.run.seq > 0) return;
    if (!this.runs.get(scope.runId)?.contextBound) this.closeStream(scope.runId, outcome);
  }

  // ── taps ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells all taps in order, also of what they do themselves. */
  #tell(what: Item | string): void {
    if (!this.taps.some((tap) => tap.on)) return;
    const notice = (): void => {
      for (const tap of this.taps.filter(({ on }) => on)) {
        if (!tap.on) continue;
        tap.heard.push(what);
        if (typeof what === "string") continue;
        if (what.trick?.by === "tap") this.#play(what.trick);
        if (tap.touchy && isTouchy(what.data)) this.errors += 1;
      }
    };
    if (this.#notices) {
      this.#notices.push(notice);
      return;
    }
    this.#notices = [notice];
    for (const next of this.#notices) next();
    this.#notices = undefined;
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** When something is due next. */
  get nextDue(): number {
    const { idleTimeoutMillis } = this.limits;
    return Math.min(
      ...this.open.map((run) => run.lastPublished + idleTimeoutMillis),
      ...this.attached.map((reader) => reader.lookAt),
      ...this.attached.map(
        (reader) => reader.deliveredAt + (reader.options.idleTimeoutMillis ?? Number.POSITIVE_INFINITY),
      ),
      ...this.scopes.map((scope) => scope.lookAt ?? Number.POSITIVE_INFINITY),
    );
  }

  /** Does what is due now. Which of the runs due at the same moment goes first is not promised: `first` says what was seen. */
  ring(first: readonly string[]): void {
    const place = ({ id, runId }: { id?: string; runId?: string }): number => first.indexOf(id ?? runId ?? "");
    for (const scope of [...this.scopes].sort((a, b) => place(a) - place(b))) {
      if (scope.lookAt === undefined || scope.lookAt > this.now) continue;
      delete scope.lookAt;
      if (scope.active === 0 && !scope.closed) this.#closeScope(scope);
    }
    for (const run of [...this.open].sort((a, b) => place(a) - place(b)))
      if (run.lastPublished + this.limits.idleTimeoutMillis <= this.now) this.#close(run, "idle");
    for (const reader of [...this.attached]) {
      const { idleTimeoutMillis } = reader.options;
      if (idleTimeoutMillis !== undefined && reader.deliveredAt + idleTimeoutMillis <= this.now)
        this.leave(reader, { reason: "idle" });
      else if (reader.lookAt <= this.now) this.#look(reader);
    }
  }

  /** Was the reader forgotten? A look that finds that something was read starts the full time again. */
  #look(reader: ModelReader): void {
    const { unreadTimeoutMillis } = this.limits;
    if (!reader.ready || reader.taken !== reader.takenAtLook) {
      reader.lookedAt = this.now;
      reader.takenAtLook = reader.taken;
      reader.waitedAtLook = false;
      reader.lookAt = this.now + unreadTimeoutMillis;
      return;
    }
    const since = reader.waitedAtLook ? reader.lookedAt : (reader.waitsSince ?? reader.lookedAt);
    const quietSince = Math.max(reader.lookedAt, since);
    if (this.now - quietSince >= unreadTimeoutMillis) return this.leave(reader, { reason: "idle" });
    reader.lookedAt = quietSince;
    reader.waitedAtLook = true;
    reader.lookAt = quietSince + unreadTimeoutMillis;
  }
}

export function scopeOf(reader: ModelReader): "run" | "global" {
  return reader.run ? "run" : "global";
}

/** Events at which touchy callbacks throw. */
export function isTouchy({ n }: Readonly<Record<string, unknown>>): boolean {
  return typeof n === "number" && n % 5 === 0;
}

function newRun(id: string, now: number): ModelRun {
  return {
    id,
    state: "awaited",
    seq: 0,
    kept: [],
    lostSeq: 0,
    stream: {},
    lastPublished: now,
    sealedAt: 0,
    sealedBefore: 0,
    contextBound: false,
  };
}
