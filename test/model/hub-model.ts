import type { EndReason, Outcome, SubscriptionEnd } from "spanbus";
import { type Ask, ModelReader, type ReaderOptions, scopeOf } from "./model-reader.js";
import {
  type Binding,
  type Call,
  type Here,
  type Item,
  isTouchy,
  type ModelRun,
  type ModelSpan,
  type ModelTap,
  type ModelTrace,
  type Note,
  newRun,
  type Pieces,
  type Request,
  type Scope,
  type Stream,
  type Trick,
} from "./model-run.js";

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
  readonly closeGraceMillis: number;
  readonly transient: readonly string[];
}

const CHUNK = "agent.model.chunk";
const WINDOW_MILLIS = 50;
const MAX_JOINED = 4096;

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
  here: Here = {};
  /** Chunks that wait, in the order in which their runs began to. */
  readonly pieces = new Map<ModelRun, Map<string, Pieces>>();
  abandonedSpans = 0;
  /** Chunks that were joined with one before, and runs that were detached. */
  joined = 0;
  detached = 0;
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
  /** Readers about to attach: their `where` is being asked about the replay, and what comes meanwhile is live. */
  #coming: ModelReader[] = [];
  readonly #played = new Set<Trick>();
  #notices: (() => void)[] | undefined;

  /** What an event takes of the history. */
  readonly #weigh: (note: Note) => number;

  constructor(limits: Limits, weigh: (note: Note) => number) {
    this.limits = limits;
    this.#weigh = weigh;
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
    if (run.state !== "awaited" || this.readersOf(run).length > 0) return;
    const holder = this.runs.get(run.id);
    if (holder?.next === run) delete holder.next;
    this.#forget(run);
  }

  #forget(run: ModelRun): void {
    if (this.runs.get(run.id) === run) this.runs.delete(run.id);
  }

  #takes(run: ModelRun): boolean {
    if (this.stopped || this.deciding || (this.stopping && run.state !== "open")) return false;
    return run.state !== "closed" && run.state !== "dropped";
  }

  refuse(why: string): undefined {
    const reason = this.stopping ? "shutdown" : why;
    this.refused[reason] = (this.refused[reason] ?? 0) + 1;
  }

  // ── write ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  publish(note: Note): Item | undefined {
    const { binding } = this.here;
    if (binding?.runId === note.runId) return this.#publishBound(binding, note);
    const run = this.stopped ? undefined : this.#awaited(note.runId);
    return run && run.state !== "closed" ? this.#write(run, note) : this.refuse("sealed");
  }

  emit(given: Omit<Note, "runId">): Item | undefined {
    const { binding, request } = this.here;
    const runId = binding?.runId ?? request?.runId;
    if (runId === undefined) return this.refuse("unkeyed");
    const note = { ...given, runId, spanId: request?.spanId };
    if (binding) return this.#publishBound(binding, note);
    if (!request || this.stopped) return this.refuse("sealed");
    const run = this.#remote(runId);
    const item = this.#write(run, note);
    if (run.state === "open") {
      if (request.trace.open > 0) this.#join(run, request.trace);
      this.#consider(run);
    }
    return item;
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
    return this.#write(run.run, note, run.follows);
  }

  /** The generation of a binding, and the sealed one that it would follow. */
  #runOf(binding: Binding): { run: ModelRun; follows?: ModelRun } | undefined {
    const { run: bound } = binding;
    const scope = this.#scopeOf(binding);
    if (bound && bound.state !== "dropped" && bound.state !== "awaited") return { run: bound };
    if (scope?.closed && bound?.state !== "dropped") return undefined;
    const newest = this.runs.get(binding.runId);
    if (newest && binding.madeAt < (newest.state === "closed" ? newest.sealedAt : newest.sealedBefore))
      return undefined;
    if (this.stopped) return undefined;
    if (newest?.state !== "closed") return { run: this.#awaited(binding.runId) };
    return { run: this.#behind(newest), follows: newest };
  }

  /** The generation behind a sealed one, which has no event yet. */
  #behind(sealed: ModelRun): ModelRun {
    if (sealed.next?.state !== "awaited") {
      sealed.next = newRun(sealed.id, this.now);
      sealed.next.sealedBefore = sealed.sealedAt;
    }
    return sealed.next;
  }

  /** Its own, or that of the call of this id around it, unless that is over. */
  #scopeOf(binding: Binding): Scope | undefined {
    if (!binding.call?.scope?.closed) binding.scope ??= binding.call?.scope;
    return binding.scope;
  }

  #bind(binding: Binding, run: ModelRun): void {
    if (binding.run === run) return;
    binding.run = run;
    run.bound = true;
    const { parentRunId } = binding;
    const scope = this.#scopeOf(binding);
    if (parentRunId !== undefined && run.seq === 0) run.parentRunId ??= parentRunId;
    if (!scope || scope.joinsContext) run.contextBound = true;
    else scope.run = run;
  }

  /** Publishes behind the chunks that wait; a chunk may wait itself. */
  #write(run: ModelRun, note: Note, follows?: ModelRun): Item | undefined {
    const { text } = note.data;
    if (note.type === CHUNK && note.spanId !== undefined && typeof text === "string") {
      if (run.state === "open" && !this.deciding) {
        this.#makeRoomFor(run, note.spanId, text);
        if (isOpen(run)) return this.#wait(run, note, note.spanId, text);
      }
    }
    if (!this.deciding) this.flush(run);
    return this.#append(run, note, follows);
  }

  /** What waits, and would be too long with this, is told first; who hears of that may close the run. */
  #makeRoomFor(run: ModelRun, spanId: string, text: string): void {
    while ((this.pieces.get(run)?.get(spanId)?.text.length ?? Number.NEGATIVE_INFINITY) + text.length > MAX_JOINED)
      this.#joined(run, spanId);
  }

  #wait(run: ModelRun, note: Note, spanId: string, text: string): undefined {
    const pieces = this.pieces.get(run) ?? new Map<string, Pieces>();
    this.pieces.set(run, pieces);
    this.order += 1;
    const waits = pieces.get(spanId) ?? { note, text: "", chunks: 0, due: this.now + WINDOW_MILLIS, order: this.order };
    pieces.set(spanId, waits);
    // What the latest says besides holds for all.
    const { data, trick = waits.note.trick } = note;
    waits.note = { ...waits.note, data: { ...waits.note.data, ...data }, trick };
    waits.text += text;
    waits.chunks += 1;
    if (waits.chunks > 1) this.joined += 1;
    if (waits.text.length >= MAX_JOINED) this.#joined(run, spanId);
  }

  /** Publishes what waits of one span. */
  #joined(run: ModelRun, spanId: string): void {
    const pieces = this.pieces.get(run);
    const waits = pieces?.get(spanId);
    pieces?.delete(spanId);
    if (pieces?.size === 0) this.pieces.delete(run);
    if (waits) this.#publishPieces(run, waits);
  }

  #publishPieces(run: ModelRun, { note, text, chunks }: Pieces): void {
    this.#append(run, { ...note, data: { ...note.data, text, chunks } });
  }

  /** Publishes what waits, of one run or of all. */
  flush(run?: ModelRun): void {
    if (this.deciding) return;
    if (!run) {
      for (const each of [...this.pieces.keys()]) this.flush(each);
      return;
    }
    const pieces = this.pieces.get(run);
    this.pieces.delete(run);
    for (const waits of pieces?.values() ?? []) this.#publishPieces(run, waits);
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
    const { type, data, spanId, trick } = note;
    let item: Item = { run, type, seq: run.seq + 1, data, spanId, trick };
    let opened: Item | undefined = run.state === "open" ? undefined : { run, type: "bus.run.opened", seq: 0, data: {} };
    const hidden = this.#ask(item, [run.stream, this.global]);
    const openedHidden = opened ? this.#ask(opened, [this.global]) : hidden;
    if (!this.#takes(run)) return this.refuse("sealed");
    // Who heard of what was closed meanwhile may have published into this one.
    item = { ...item, seq: run.seq + 1 };
    if (isOpen(run)) opened = undefined;

    if (follows) {
      // The generation before goes, and takes its events along.
      this.#forgetEvents(follows);
      this.#forget(follows);
    }
    this.runs.set(run.id, run);
    if (run.state === "detached") {
      run.stream = {};
      delete run.outcome;
    }
    if (note.ends) note.ends.endTold = true;
    run.state = "open";
    run.seq += 1;
    run.lastPublished = this.now;
    this.open = [...this.open.filter((each) => each !== run), run];
    this.published += 1;
    if (!this.limits.transient.includes(type)) this.#keep(run, item, this.#weigh(note));
    else if (this.retained.includes(run)) this.retained = [...this.retained.filter((each) => each !== run), run];
    this.#send(run.stream, item, hidden);
    if (opened) this.#send(this.global, opened, openedHidden);
    this.#send(this.global, item, hidden);
    if (opened) this.#tell(`opened ${run.id}`);
    this.#tell(item);
    if (opened) this.#makeRoom(run);
    return item;
  }

  /** The oldest go that are not about to; for a run of another process only such a one. */
  #makeRoom(opened: ModelRun): void {
    const surplus = this.open.length - this.limits.maxOpenRuns;
    const mayGo = this.open.filter((run) => run.closing || this.#owns(opened) || !this.#owns(run));
    for (const run of mayGo.slice(0, Math.max(0, surplus)).filter(({ closing }) => !closing)) {
      if (this.#owns(run)) this.#close(run, "abandoned");
      else this.#detach(run);
    }
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
        .flatMap((stream) => (stream.end ? [] : this.#listening.filter((reader) => reader.stream === stream)))
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

  get #listening(): ModelReader[] {
    return [...this.attached, ...this.#coming];
  }

  #send(stream: Stream, item: Item, hidden: ReadonlySet<ModelReader>): void {
    if (stream.end) return;
    for (const reader of this.#listening) {
      if (reader.stream !== stream || hidden.has(reader) || !reader.wantsType(item.type)) continue;
      reader.owed += 1;
      reader.waitsSince ??= this.now;
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
    reader.owed += reader.replay.length;
    reader.waitedAtLook = reader.gap !== undefined || reader.replay.length > 0;
    reader.waitsSince = undefined;
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
    const coming = this.#coming.filter((reader) => scopeOf(reader) === scope).length;
    if (attached + coming < limit) return false;
    this.rejected[scope] += 1;
    return true;
  }

  #newReader(stream: Stream, run: ModelRun | undefined, options: ReaderOptions): ModelReader {
    const reader = new ModelReader(stream, run, options, this.now, this.limits.unreadTimeoutMillis);
    this.#coming.push(reader);
    return reader;
  }

  #start(reader: ModelReader): void {
    this.#coming = this.#coming.filter((each) => each !== reader);
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
    return !this.stopped && this.#close(this.#next(runId) ?? this.#awaited(runId), outcome ?? "unknown");
  }

  /** The generation behind a sealed one, for which something was bound here, or that a call in progress will begin. */
  #next(runId: string): ModelRun | undefined {
    const newest = this.runs.get(runId);
    if (newest?.state !== "closed") return undefined;
    const { binding } = this.here;
    if (binding?.runId === runId) {
      const bound = this.#runOf(binding);
      if (bound) this.#bind(binding, bound.run);
      if (bound && bound.run !== newest) return bound.run;
    }
    const scope = this.inProgress.get(runId);
    if (!scope || (scope.run && scope.run.seq > 0) || this.#isSealed(scope)) return undefined;
    return this.#behind(newest);
  }

  #isSealed({ run, runId, order }: Scope): boolean {
    const newest = this.runs.get(runId);
    if (run && run.seq > 0) return run.state === "closed" || run.state === "dropped";
    return newest?.state === "closed" && newest.sealedAt > order;
  }

  #close(run: ModelRun, outcome: Outcome, reason: EndReason = "closed"): boolean {
    if (run.state === "closed" || run.state === "dropped" || run.closing || this.stopped) return false;
    run.closing = true;
    this.#lastEvents(run);
    if (isDropped(run)) return true;
    const told = isOpen(run);
    this.#seal(run, "closed", outcome, { reason, outcome });
    if (told) this.#closedTold(run, outcome);
    else {
      const before = this.runs.get(run.id);
      // What was bound for it is sealed with the one before.
      if (before?.next === run) before.sealedAt = run.sealedAt;
      if (!before) this.runs.set(run.id, run);
    }
    return true;
  }

  /** Ends the readers here of a run that goes on in another process. */
  #detach(run: ModelRun): void {
    if (run.state === "closed" || run.state === "dropped" || run.closing) return;
    run.closing = true;
    this.#lastEvents(run);
    run.closing = false;
    if (isDropped(run)) return;
    this.#seal(run, "detached", "detached", { reason: "closed", outcome: "detached" });
    this.detached += 1;
    this.#closedTold(run, "detached");
  }

  /** What still has to be said before a run stops. */
  #lastEvents(run: ModelRun): void {
    const deciding = this.deciding;
    this.deciding = false;
    const open = run.spans.filter((span) => !span.endTold);
    this.flush(run);
    for (const span of open.reverse()) if (span.open) this.#abandon(span, run);
    this.deciding = deciding;
  }

  #owns(run: ModelRun): boolean {
    return run.bound || !run.remote;
  }

  /** Whether it is, or was when it stopped, a run of this process. */
  owned(run: ModelRun): boolean {
    return run.state === "open" ? this.#owns(run) : run.owned;
  }

  #seal(run: ModelRun, state: "closed" | "detached" | "dropped", outcome: Outcome, end: SubscriptionEnd): void {
    run.owned = this.owned(run);
    const wasDetached = run.state === "detached";
    run.state = state;
    run.outcome = outcome;
    this.order += 1;
    run.sealedAt = this.order;
    if (wasDetached) run.stream = {};
    run.stream.end ??= end;
    if (state === "closed") for (const scope of this.scopes) if (scope.run === run) this.#over(scope);
    run.contextBound = false;
    run.bound = false;
    run.remote = false;
    run.graceAt = undefined;
    for (const span of [...run.spans]) this.#finish(span);
    for (const trace of run.traces) trace.runs.delete(run);
    run.traces.clear();
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
    if (told && !run.closing) {
      run.closing = true;
      this.#lastEvents(run);
      if (isDropped(run)) return true;
    }
    this.#seal(run, "dropped", "unknown", { reason: "dropped" });
    for (const reader of [...this.attached]) if (reader.run?.id === runId) this.leave(reader, { reason: "dropped" });
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
    this.flush();
    this.stopping = true;
    for (const run of [...this.open]) this.#close(run, this.#owns(run) ? "unknown" : "detached", "shutdown");
    this.stopped = true;
    for (const run of this.runs.values()) run.stream.end ??= { reason: "shutdown" };
    this.global.end ??= { reason: "shutdown" };
  }

  // ── run and runContext ────────────────────────────────────────────────────────────────────────────────────────────

  bind(runId: string): Binding {
    this.order += 1;
    const { binding: around } = this.here;
    return { runId, madeAt: this.order, isCall: false, call: this.#callAround(around, runId), around };
  }

  /** The nearest call of this id around; one further out than what is of this id only while it is not over. */
  #callAround(around: Binding | undefined, runId: string): Binding | undefined {
    if (around?.runId === runId) return around.isCall ? around : around.call;
    for (let each = around; each; each = each.around)
      if (each.isCall && !each.isOver && each.runId === runId) return each;
    return undefined;
  }

  enter(runId: string): Binding {
    const { binding, request } = this.here;
    let scope = this.inProgress.get(runId);
    if (scope && this.#isSealed(scope)) {
      this.#over(scope);
      scope = undefined;
    }
    if (!scope) {
      const joinsContext = binding?.runId === runId && !this.#scopeOf(binding);
      this.order += 1;
      scope = { runId, joinsContext, order: this.order, active: 0, closed: false };
      this.inProgress.set(runId, scope);
      this.scopes.push(scope);
    }
    scope.active += 1;
    this.order += 1;
    const around = binding?.runId ?? request?.runId;
    // Who joins a run did not begin it.
    const parentRunId = around === runId || scope.active > 1 ? undefined : around;
    return { runId, madeAt: this.order, isCall: true, parentRunId, scope, around: binding };
  }

  /** A function that `run` called is over. */
  settled(binding: Binding, outcome?: Outcome): void {
    const { scope } = binding;
    binding.isOver = true;
    if (!scope) return;
    scope.active -= 1;
    if (scope.active > 0 || scope.closed) return;
    if (scope.joinsContext) this.inProgress.delete(scope.runId);
    else if (outcome) this.#closeScope(scope, outcome);
    else {
      scope.lookAt = this.now;
      // In the order in which they are looked at.
      this.scopes.splice(this.scopes.indexOf(scope), 1);
      this.scopes.push(scope);
    }
  }

  #over(scope: Scope): void {
    scope.closed = true;
    delete scope.lookAt;
    if (this.inProgress.get(scope.runId) === scope) this.inProgress.delete(scope.runId);
  }

  #closeScope(scope: Scope, outcome?: Outcome): void {
    this.#over(scope);
    if (scope.run && !scope.run.contextBound) this.#close(scope.run, outcome ?? "unknown");
    // Without an event of its own it closes what is there under its id.
    const newest = this.runs.get(scope.runId);
    if (scope.run && scope.run.seq > 0 && (!isDropped(scope.run) || (newest && newest.seq > 0))) return;
    // Where the code stands that calls or awaits it says nothing about what it closes.
    if (!newest?.contextBound && !this.stopped) this.#close(newest ?? this.#awaited(scope.runId), outcome ?? "unknown");
  }

  // ── requests of other processes ───────────────────────────────────────────────────────────────────────────────────

  /** The generation of an id that came with a request: that never opens what is sealed. */
  #remote(runId: string): ModelRun {
    const run = this.#awaited(runId);
    if (run.state !== "closed") run.remote = true;
    return run;
  }

  #join(run: ModelRun, trace: ModelTrace): void {
    run.traces.add(trace);
    trace.runs.add(run);
  }

  /** A tool begins to work for a request. Undefined when the bus takes no note of it any more, and refuses it at its end. */
  start({ runId, trace }: Request, spanId: string, call: Call): ModelSpan | undefined {
    if (this.stopped) return undefined;
    const { data, trick } = call;
    const span: ModelSpan = { spanId, trace, call, startedAt: this.now, open: true, endTold: false };
    trace.open += 1;
    const run = this.#remote(runId);
    this.flush(run);
    if (run.state === "closed" || run.state === "dropped") {
      this.refuse("sealed");
      return span;
    }
    span.run = run;
    run.spans.push(span);
    this.#join(run, trace);
    this.#write(run, { runId, type: "agent.tool.started", spanId, data: { toolName: "t", ...data }, trick });
    return span;
  }

  end(span: ModelSpan, call: Call): void {
    if (this.stopped) return;
    const { run, spanId, trace } = span;
    // Who hears of what waits may close the run, and the span is given up.
    if (run && span.open) this.flush(run);
    if (!span.open) return this.refuse("ended");
    const data = { toolName: "t", ...call.data, durationMillis: this.now - span.startedAt };
    const note = { type: "agent.tool.completed", spanId, data, trick: call.trick, ends: span };
    if (run) this.#write(run, { runId: run.id, ...note });
    this.#finish(span);
    for (const each of [...trace.runs]) this.#consider(each);
  }

  #abandon(span: ModelSpan, run: ModelRun): void {
    const error = { type: "abandoned", message: "The span was still open when its run was closed." };
    const { data: told, trick } = span.call;
    const data = { toolName: "t", ...told, durationMillis: this.now - span.startedAt, error };
    this.abandonedSpans += 1;
    this.#write(run, { runId: run.id, type: "agent.tool.failed", spanId: span.spanId, data, trick, ends: span });
    this.#finish(span);
  }

  #finish(span: ModelSpan): void {
    if (!span.open) return;
    span.open = false;
    span.trace.open -= 1;
    if (span.run) span.run.spans = span.run.spans.filter((each) => each !== span);
  }

  /** Nothing of it is open here: it is detached once it was silent for long enough. */
  #consider(run: ModelRun): void {
    if (run.state === "open" && !this.#isBusy(run))
      run.graceAt ??= Math.max(run.lastPublished, this.now) + this.limits.closeGraceMillis;
  }

  #isBusy(run: ModelRun): boolean {
    return run.bound || run.spans.length > 0 || [...run.traces].some(({ open }) => open > 0);
  }

  #graceOver(run: ModelRun): void {
    run.graceAt = undefined;
    if (this.#isBusy(run)) return;
    const due = run.lastPublished + this.limits.closeGraceMillis;
    if (due > this.now) run.graceAt = due;
    else this.#detach(run);
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
      ...this.open.map((run) => run.graceAt ?? Number.POSITIVE_INFINITY),
      ...[...this.pieces.values()].flatMap((pieces) => [...pieces.values()].map(({ due }) => due)),
      ...this.attached.map((reader) => reader.lookAt),
      ...this.attached.map(
        (reader) => reader.deliveredAt + (reader.options.idleTimeoutMillis ?? Number.POSITIVE_INFINITY),
      ),
      ...this.scopes.map((scope) => scope.lookAt ?? Number.POSITIVE_INFINITY),
    );
  }

  /** Does what is due now. Which of the runs that are idle at the same moment goes first is not promised: `first` says what was seen. */
  ring(first: readonly string[]): void {
    const place = ({ id }: ModelRun): number => first.indexOf(id);
    for (const scope of [...this.scopes]) {
      if (scope.lookAt === undefined || scope.lookAt > this.now) continue;
      delete scope.lookAt;
      if (scope.active === 0 && !scope.closed) this.#closeScope(scope);
    }
    const due = [...this.pieces].flatMap(([run, pieces]) => [...pieces.values()].map((each) => ({ run, ...each })));
    for (const { run } of due.filter((each) => each.due <= this.now).sort((a, b) => a.order - b.order))
      if ([...(this.pieces.get(run)?.values() ?? [])].some((each) => each.due <= this.now)) this.flush(run);
    for (const run of [...this.open].sort((a, b) => place(a) - place(b))) {
      if (run.lastPublished + this.limits.idleTimeoutMillis <= this.now) {
        if (this.#owns(run)) this.#close(run, "idle");
        else this.#detach(run);
      }
      if (run.graceAt !== undefined && run.graceAt <= this.now) this.#graceOver(run);
    }
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

function isOpen({ state }: ModelRun): boolean {
  return state === "open";
}

function isDropped({ state }: ModelRun): boolean {
  return state === "dropped";
}
