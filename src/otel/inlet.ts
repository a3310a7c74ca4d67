import type { Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { defaultConventions, Interpreter, type SpanView } from "../conventions/index.js";
import { Beside } from "./beside.js";
import { bindingOf } from "./binding.js";
import { Chunks } from "./chunks.js";
import { contentRule } from "./content.js";
import { Here } from "./here.js";
import { NamedEvents } from "./named-events.js";
import type { InletSettings } from "./options.js";
import { Places } from "./places.js";
import { nextInOrder } from "./registry.js";
import { RunLives } from "./run-life.js";
import { RunResolver } from "./run-resolver.js";
import { RunScopes } from "./run-scopes.js";
import type { ContextLike, LogRecordLike, SpanLike } from "./signals.js";
import { SpanPublisher } from "./span-publisher.js";
import { type EventKind, isOfItsOwn, kindOf, type SpanClaim, SpanRecord } from "./span-record.js";
import { endedViewOf, endOf, nameOf, parentOf, remoteParentOf, viewOf } from "./span-view.js";
import { SpanWatcher } from "./span-watcher.js";
import { TraceTable } from "./trace-table.js";

const resolved = Promise.resolve();

/** A span that just started, and the context it started in. */
interface HeldSpan {
  readonly span: SpanLike;
  readonly context: ContextLike | undefined;
  /** What it was found to be, if that was looked at already. */
  classified: Classified | undefined;
}

interface Classified {
  readonly view: SpanView;
  readonly claim: SpanClaim | undefined;
}

/** Follows spans from start to end and publishes what they mean. */
export class Inlet {
  readonly scopes: RunScopes;
  readonly chunks: Chunks;
  readonly here: Here;
  readonly beside = new Beside();
  readonly #hub: EventHub;
  readonly #settings: InletSettings;
  readonly #interpreter: Interpreter;
  readonly #traces: TraceTable;
  readonly #lives: RunLives;
  readonly #resolver: RunResolver;
  readonly #places: Places;
  readonly #publisher: SpanPublisher;
  readonly #named: NamedEvents;
  readonly #watcher: SpanWatcher;
  /** The latest started span: many instrumentations set its attributes right behind the start. */
  #held: HeldSpan | undefined;
  #flushQueued = false;
  /** Spans of which the start is only being told, or which an option is asked about. */
  readonly #starting = new Set<SpanLike>();
  /** Of these, and while a callback is asked that may not publish, spans that ended: that is told next. */
  readonly #ended: SpanLike[] = [];
  /** Spans taken note of. */
  #spans = 0;
  #latestLog: WeakRef<LogRecordLike> | undefined;
  /**
   * Where spans started that are no events so far, if an option may still ask for it. A context holds the span around, so
   * the bus must not hold the context: the span itself does.
   */
  readonly #contexts: WeakMap<SpanLike, ContextLike> | undefined;

  constructor(hub: EventHub, settings: InletSettings) {
    const content = contentRule(settings.content, settings.maxPreviewLength);
    this.#hub = hub;
    this.#settings = settings;
    this.#contexts = settings.runId || settings.acceptRemoteRun ? new WeakMap() : undefined;
    // The tables of the package are checked by its tests.
    this.#interpreter = new Interpreter(settings.conventions, settings.conventions === defaultConventions);
    this.#traces = new TraceTable(settings.maxOpenSpans);
    this.#lives = new RunLives(hub, settings.closeGraceMillis);
    this.#resolver = new RunResolver(hub, this.#lives, settings);
    this.#places = new Places(hub, this.#traces, this.#resolver);
    this.chunks = new Chunks(hub);
    this.#publisher = new SpanPublisher(hub, this.chunks, this.#interpreter, { content, carries: settings.carries });
    this.here = new Here({
      hub,
      chunks: this.chunks,
      resolver: this.#resolver,
      places: this.#places,
      lives: this.#lives,
      traces: this.#traces,
    });
    this.scopes = new RunScopes(hub, this.#lives, this.#resolver, () => this.flush());
    this.#named = new NamedEvents({
      hub,
      content,
      chunks: this.chunks,
      interpreter: this.#interpreter,
      resolver: this.#resolver,
      places: this.#places,
      lives: this.#lives,
      traces: this.#traces,
      publisher: this.#publisher,
    });
    this.#watcher = new SpanWatcher({
      hub,
      interpreter: this.#interpreter,
      publisher: this.#publisher,
      named: this.#named,
      flush: () => this.flush(),
    });
  }

  // ── hooks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  spanStarted(span: SpanLike, context: ContextLike | undefined): void {
    // A processor that is registered twice is called twice.
    if (this.#held?.span === span) return;
    this.flush();
    if (this.beside.tells(span)) return;
    this.#held = { span, context, classified: undefined };
    this.#flushSoon();
  }

  spanEnded(span: SpanLike): void {
    if (this.#held?.span === span && this.#isNothing(this.#held)) {
      this.#held = undefined;
      return;
    }
    this.flush();
    if (this.beside.hasTold(span)) return;
    const { traceId, spanId } = span.spanContext();
    const known = this.#traces.find(traceId, spanId);
    if (this.#starting.has(span) || (known?.open && this.#hub.isDeciding)) {
      this.#ended.push(span);
      return this.#flushSoon();
    }
    if (known?.open) return this.#end(known, span);
    this.#contexts?.delete(span);
    // Ended twice, or given up before.
    if (known || this.#watcher.hasSeen(span)) return this.#hub.refuse("ended");
    const late = this.#admit(span, undefined, true);
    if (late) this.#end(late, span);
  }

  /** A span ended after the shutdown: it is counted if it began after that and would have been an event. */
  spanMissed(span: SpanLike): void {
    if (this.#watcher.hasSeen(span)) return;
    const operation = this.#classify(span).claim?.operation;
    if (operation && operation !== "chunk") this.#hub.refuse("shutdown");
  }

  logEmitted(log: LogRecordLike, context: ContextLike | undefined): void {
    this.flush();
    // A processor that is registered twice is called twice.
    if (this.#latestLog?.deref() === log) return;
    this.#latestLog = new WeakRef(log);
    this.#named.ofLog(log, context);
  }

  /** Classifies the span that is held, and ends what waits for that. */
  flush(): void {
    if (this.#held) this.#start(this.#held);
    if (this.#ended.length > 0) this.#endDeferred();
  }

  #start({ span, context, classified }: HeldSpan): void {
    this.#held = undefined;
    this.#starting.add(span);
    try {
      this.#admit(span, context, false, classified);
    } catch (error) {
      this.#hub.report("onStart", error);
    }
    this.#starting.delete(span);
  }

  /** Ends what ended too early. Spans that still are too early wait on. */
  #endDeferred(): void {
    if (this.#hub.isDeciding) return;
    for (const span of this.#ended.splice(0)) {
      try {
        this.spanEnded(span);
      } catch (error) {
        this.#hub.report("onEnd", error);
      }
    }
  }

  #flushSoon(): void {
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    resolved.then(() => {
      this.#flushQueued = false;
      this.flush();
    });
  }

  // ── what the bus asks ─────────────────────────────────────────────────────────────────────────────────────────────

  owns(run: Run): boolean {
    const life = this.#lives.get(run);
    return life === undefined || life.owned || life.contextBound || (life.traces.size === 0 && !life.remote);
  }

  /** Gives up the open spans of a run that is about to be sealed, innermost first. */
  closing(run: Run): Outcome | undefined {
    const { seq } = run;
    this.chunks.flush(run);
    const life = this.#lives.get(run);
    if (!life) return undefined;
    // Not given up is one whose start is only being decided about, or whose end was told: who hears of it closes the run.
    for (const record of [...life.openEvents].reverse())
      if (record.open && record.startsBehind < seq && record.endsBehind >= seq) this.#abandon(record);
    this.#publisher.tellHeld(life);
    return life.outcome;
  }

  closed(run: Run): void {
    run.sealedAt = nextInOrder();
    this.chunks.flush(run);
    const life = this.#lives.forget(run);
    if (!life) return;
    if (life.scope && run.state === "closed") this.scopes.over(life.scope);
    for (const record of life.openEvents) this.#finished(record);
    for (const trace of life.traces) {
      trace.lives.delete(life);
      this.#traces.forgetEnded(trace);
      this.#traces.leave(trace);
    }
  }

  /** Publishes everything that is held back for a moment. */
  flushAll(): void {
    this.flush();
    this.chunks.flush();
  }

  forgetAll(): void {
    // Those of runs that never began, since their events were withheld, were given up with no run.
    for (const record of this.#traces.openSpans) this.#finished(record);
    this.#latestLog = undefined;
    this.#traces.clear();
  }

  /**
   * The held span is over before anything else happened, is no event and stands in no run: there is nothing to remember.
   * That is what most spans of a service are, so they are let go first.
   */
  #isNothing(held: HeldSpan): boolean {
    const { span, context } = held;
    if (this.#settings.include !== "agent" || bindingOf(context)) return false;
    const trace = this.#traces.trace(span.spanContext().traceId);
    if (trace) {
      const parent = trace.spans.get(parentOf(span)?.spanId ?? "");
      if (!parent || parent.binding || trace.lives.size > 0) return false;
    }
    const classified = this.#classify(span);
    if (classified.claim === undefined && !this.#watcher.hasSpanEvents(span)) return true;
    held.classified = classified;
    return false;
  }

  // ── from start to end ─────────────────────────────────────────────────────────────────────────────────────────────

  #admit(
    span: SpanLike,
    context: ContextLike | undefined,
    late: boolean,
    classified?: Classified,
  ): SpanRecord | undefined {
    const { traceId, spanId } = span.spanContext();
    // A processor that is registered twice is called twice.
    if (this.#traces.find(traceId, spanId)) return undefined;
    const { view, claim } = classified ?? this.#classify(span);
    const included = claim !== undefined || this.#includes(span);
    const parentContext = parentOf(span);
    // Seen for the first time at its end: only worth while if it is an event.
    if (late && !included) {
      this.#traces.trace(traceId)?.unseen.pass(spanId, parentContext?.isRemote ? undefined : parentContext?.spanId);
      return undefined;
    }
    const trace = this.#traces.enter(traceId);
    const ownBinding = bindingOf(context);
    let parent = parentContext && trace.spans.get(parentContext.spanId);
    let unseenParent: SpanRecord | undefined;
    let sealedIn: string | undefined;
    if (parentContext && !parent && !parentContext.isRemote) {
      sealedIn = this.#places.sealedIn(parentContext);
      if (sealedIn === undefined) {
        parent = this.#places.standIn(trace, ownBinding, spanId);
        const { unseen } = trace;
        unseenParent = late ? unseen.keep(parentContext.spanId, parent) : unseen.around(parentContext.spanId, parent);
      }
    }
    // What began inside a span that is seen first at its end is not around it.
    if (late && unseenParent && !trace.unseen.keepApart(unseenParent, spanId)) unseenParent = undefined;
    if (late && parent && trace.unseen.isIn(parent, spanId)) parent = undefined;
    this.#spans += 1;
    const record = new SpanRecord({
      trace,
      spanId,
      parent,
      unseenParent,
      remoteParentId: parent ? undefined : remoteParentOf(span)?.spanId,
      name: view.name,
      scope: view.scope,
      startTime: view.startMillis ?? Date.now(),
      sealedIn,
      ownBinding,
      acceptedRunId: this.#resolver.acceptedRunId(context),
      // A span below one that nobody saw is no new root.
      order: parentContext && !parentContext.isRemote ? 0 : nextInOrder(),
      number: this.#spans,
    });
    record.claim = claim;
    if (late) trace.unseen.takePlace(record, kindOfClaim(claim));
    if (!claim && context) this.#contexts?.set(span, context);
    if (!parentContext) trace.owned = true;
    this.#traces.add(record);
    this.#enterScope(record);
    if (claim?.operation === "chunk") this.#watcher.isFirstChunk(record);
    else if (included) this.#become(record, span, view, context);
    else this.#watchInside(record, span);
    for (let oldest = this.#traces.surplus; oldest && oldest !== record; oldest = this.#traces.surplus)
      this.#giveUp(oldest);
    return record;
  }

  #classify(span: SpanLike): Classified {
    const view = viewOf(span, nameOf(span));
    return { view, claim: this.#claimOf(view) };
  }

  /** What the span is to the conventions, if that is anything of its own. */
  #claimOf(view: SpanView): SpanClaim | undefined {
    const claim = this.#interpreter.classify(view);
    return claim && isOfItsOwn(claim) ? claim : undefined;
  }

  /** Makes the span an event, unless its convention says that it is none: finds its run and publishes its start. */
  #become(record: SpanRecord, span: SpanLike, view: SpanView, context: ContextLike | undefined): void {
    const { claim, trace } = record;
    const operation = claim?.operation;
    if (operation === "chunk") return this.#watchInside(record, span);
    // Begun by a callback that may not publish: none of its events would be taken.
    if (this.#hub.isDeciding) return this.#hub.refuse("nested");
    this.#watcher.see(record, span, true);
    const run = this.#resolver.resolve(record, span, context, () => this.#interpreter.runId(claim, view));
    // Who hears of what waited may close the run.
    if (run) this.chunks.flush(run);
    if (!run || run.state === "closed" || run.state === "dropped") {
      record.refusedIn ??= run?.id ?? record.binding?.runId;
      return this.#hub.refuse("sealed");
    }
    const life = this.#lives.of(run);
    record.run = run;
    record.life = life;
    record.refusedIn = undefined;
    this.#lives.join(life, trace);
    if (operation === "handoff") return;
    const kind = kindOfClaim(claim) ?? "span";
    record.kind = kind;
    const beginning = this.#publisher.begin(record, run, kind, view);
    // Counted as open before anybody is told, who may end it or close its run.
    life.openEvents.add(record);
    if (record.outermost === record) life.openOutermost += 1;
    trace.eventOpened(record);
    this.#hub.spanOpened(run);
    this.#publisher.started(record, kind, beginning);
    if (record.open) this.#watcher.watch(record, span);
  }

  #end(record: SpanRecord, span: SpanLike): void {
    if (!record.claim) {
      const view = viewOf(span, record.name, record.late);
      record.claim = this.#claimOf(view);
      if (record.claim && !record.kind) {
        record.lookAround();
        this.#become(record, span, view, this.#contexts?.get(span));
      }
    }
    this.#contexts?.delete(span);
    this.#watcher.readSpanEvents(record, span);
    if (record.run) this.chunks.flush(record.run);
    // What was told just now may have ended its run, and with that the span.
    if (record.run && !record.open) this.#hub.refuse("ended");
    else if (record.run) {
      const endTime = endOf(span) ?? Date.now();
      const view = endedViewOf(span, record);
      const { kind } = record;
      if (kind) this.#publisher.ended(record, view, endTime);
      if (kind === "span" && this.#turnsOut(record, view)) this.#publisher.ended(record, view, endTime);
      if (record.claim?.operation === "handoff") this.#publisher.handoff(record, view, endTime);
    }
    this.#finished(record);
    this.#consider(record);
  }

  /** A span that was told as no more than that may show at its end what it was: it is told once more, as that. */
  #turnsOut(record: SpanRecord, view: SpanView): boolean {
    const { claim, run, life } = record;
    if (!claim || !run || !life) return false;
    const { operation } = claim;
    if (operation === "handoff" || operation === "chunk") return false;
    if (!record.open) {
      // Who heard of its end closed the run.
      this.#hub.refuse("sealed");
      return false;
    }
    const kind = kindOf[operation];
    const beginning = this.#publisher.begin(record, run, kind, view);
    if (record.outermost === record) life.openOutermost += 1;
    record.endsBehind = Number.POSITIVE_INFINITY;
    this.#publisher.started(record, kind, beginning);
    return true;
  }

  /** Takes the span out of everything that counts open ones. */
  #finished(record: SpanRecord): void {
    if (!record.open) return;
    record.newestAtEnd = this.#spans;
    this.#traces.end(record);
    const { life, run, kind, runScope } = record;
    if (life && run && kind && life.openEvents.delete(record)) {
      this.#hub.spanEnded(run);
      if (record.outermost === record) life.openOutermost -= 1;
    }
    if (runScope) {
      runScope.open -= 1;
      if (record.scopeAround !== runScope) runScope.openRoots -= 1;
    }
  }

  /** Is a run over, now that this span is? */
  #consider({ trace, life, runScope }: SpanRecord): void {
    if (life) this.#lives.consider(life);
    // Nearly always it is in the one run that was just considered.
    if (!life || trace.lives.size > 1 || !trace.lives.has(life)) {
      for (const each of [...trace.lives]) if (each !== life) this.#lives.consider(each);
    }
    if (runScope) {
      this.scopes.spanEnded(runScope);
      if (runScope.run) {
        const scoped = this.#lives.get(runScope.run);
        if (scoped && scoped !== life) this.#lives.consider(scoped);
      }
    }
    this.#traces.leave(trace);
  }

  #abandon(record: SpanRecord): void {
    if (!record.open) return;
    if (!record.givenUp) this.#hub.spanAbandoned();
    record.givenUp = true;
    this.#publisher.abandoned(record, Date.now());
    this.#finished(record);
  }

  /** More spans are open than allowed: this is the oldest. */
  #giveUp(record: SpanRecord): void {
    if (record.kind) this.#abandon(record);
    else this.#finished(record);
    this.#consider(record);
  }

  #enterScope(record: SpanRecord): void {
    const scope = this.#resolver.scopeOf(record.binding);
    if (!scope) return;
    record.runScope = scope;
    scope.open += 1;
    if (record.scopeAround !== scope) scope.openRoots += 1;
  }

  /** A span that is no event, inside a run: its span events are the run's. */
  #watchInside(record: SpanRecord, span: SpanLike): void {
    if (!record.eventParent && !record.binding && record.acceptedRunId === undefined) return;
    this.#watcher.see(record, span, false);
    this.#watcher.watch(record, span);
  }

  #includes(span: SpanLike): boolean {
    const { include } = this.#settings;
    return typeof include === "function"
      ? Boolean(this.#hub.decide("include", () => include(span), false))
      : include === "all";
  }
}

/** What a span is to the bus by its convention; none for one that is no event of its own. */
function kindOfClaim(claim: SpanClaim | undefined): EventKind | undefined {
  const operation = claim?.operation;
  return operation && operation !== "handoff" && operation !== "chunk" ? kindOf[operation] : undefined;
}
