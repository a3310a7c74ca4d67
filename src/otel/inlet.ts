import { type Context, context as contextApi, trace as traceApi } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { isName } from "../bus/checks.js";
import type { BusEvent, EventType, Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { type Claim, defaultConventions, Interpreter, type SpanView } from "../conventions/index.js";
import { bindingOf, remoteRunId } from "./binding.js";
import { Chunks } from "./chunks.js";
import { contentRule } from "./content.js";
import { NamedEvents } from "./named-events.js";
import type { InletSettings } from "./options.js";
import { nextInOrder } from "./registry.js";
import { RunLives } from "./run-life.js";
import { RunResolver } from "./run-resolver.js";
import { RunScopes } from "./run-scopes.js";
import {
  type ContextLike,
  isNoId,
  type LogRecordLike,
  millis,
  type SpanContextLike,
  type SpanLike,
} from "./signals.js";
import { SpanPublisher } from "./span-publisher.js";
import { SpanRecord } from "./span-record.js";
import { endedViewOf, parentOf, viewOf } from "./span-view.js";
import { SpanWatcher } from "./span-watcher.js";
import { TraceTable } from "./trace-table.js";

const resolved = Promise.resolve();

/** Where an event without a span of its own belongs. */
interface Place {
  readonly run: Run | undefined;
  readonly ids: {
    readonly traceId?: string | undefined;
    readonly spanId?: string | undefined;
    readonly parentSpanId?: string | undefined;
  };
}

/** A span that just started, and the context it started in. */
interface HeldSpan {
  readonly span: SpanLike;
  readonly context: ContextLike | undefined;
  /** What it was found to be, if that was looked at already. */
  classified?: Classified;
}

interface Classified {
  readonly view: SpanView;
  readonly claim: Claim | undefined;
}

/** Hears of every span that starts. It says `true` of one whose work it tells itself: that one is no event. */
export type SpanListener = (span: SpanLike) => boolean;

/** Follows spans from start to end and publishes what they mean. */
export class Inlet {
  readonly scopes: RunScopes;
  readonly chunks: Chunks;
  readonly #hub: EventHub;
  readonly #settings: InletSettings;
  readonly #interpreter: Interpreter;
  readonly #traces: TraceTable;
  readonly #lives: RunLives;
  readonly #resolver: RunResolver;
  readonly #publisher: SpanPublisher;
  readonly #named: NamedEvents;
  readonly #watcher: SpanWatcher;
  /** The latest started span: many instrumentations set its attributes right behind the start. */
  #held: HeldSpan | undefined;
  #flushQueued = false;
  #latestLog: LogRecordLike | undefined;
  /**
   * Where spans started that are no events so far, if an option may still ask for it. A context holds the span around, so
   * the bus must not hold the context: the span itself does.
   */
  readonly #contexts: WeakMap<SpanLike, ContextLike> | undefined;
  /** Inlets for one SDK, by name. */
  readonly #besides = new Map<string, SpanListener>();
  #toldBeside: WeakSet<SpanLike> | undefined;

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
    this.chunks = new Chunks(hub);
    this.#publisher = new SpanPublisher(hub, this.chunks, this.#interpreter, { content, carries: settings.carries });
    this.scopes = new RunScopes(hub, this.#lives, this.#resolver, () => this.flush());
    this.#named = new NamedEvents({
      hub,
      content,
      chunks: this.chunks,
      interpreter: this.#interpreter,
      resolver: this.#resolver,
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
    this.flush();
    if (this.#besides.size > 0 && this.#isToldBeside(span)) return;
    this.#held = { span, context };
    if (this.#flushQueued) return;
    this.#flushQueued = true;
    resolved.then(() => {
      this.#flushQueued = false;
      this.flush();
    });
  }

  spanEnded(span: SpanLike): void {
    if (this.#held?.span === span && this.#isNothing(this.#held)) {
      this.#held = undefined;
      return;
    }
    this.flush();
    if (this.#toldBeside?.has(span)) return;
    const { traceId, spanId } = span.spanContext();
    const known = this.#traces.find(traceId, spanId);
    if (known?.open) return this.#end(known, span);
    this.#contexts?.delete(span);
    // Ended twice, or given up before.
    if (known || this.#watcher.hasSeen(span)) return this.#hub.refuse("ended");
    const late = this.#admit(span, undefined, true);
    if (late) this.#end(late, span);
  }

  logEmitted(log: LogRecordLike, context: ContextLike | undefined): void {
    this.flush();
    // A processor that is registered twice is called twice.
    if (log === this.#latestLog) return;
    this.#latestLog = log;
    this.#named.ofLog(log, context);
  }

  /** Classifies the span that is held. */
  flush(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    try {
      this.#admit(held.span, held.context, false, held.classified);
    } catch (error) {
      this.#hub.report("onStart", error);
    }
  }

  /** Lets an inlet for one SDK listen. False if there is one of that name. */
  beside(name: string, listener: SpanListener): boolean {
    if (this.#besides.has(name)) return false;
    this.#besides.set(name, listener);
    return true;
  }

  notBeside(name: string, listener: SpanListener): void {
    if (this.#besides.get(name) === listener) this.#besides.delete(name);
  }

  #isToldBeside(span: SpanLike): boolean {
    for (const listener of this.#besides.values()) {
      if (!listener(span)) continue;
      this.#toldBeside ??= new WeakSet();
      this.#toldBeside.add(span);
      return true;
    }
    return false;
  }

  // ── what the bus asks ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The run id that a span started here would get. */
  currentRunId(active: Context = contextApi.active()): string | undefined {
    const binding = bindingOf(active);
    if (binding) return binding.runId;
    const remote = this.#settings.acceptRemoteRun ? remoteRunId(active) : undefined;
    if (isName(remote)) return remote;
    const { record, spanContext } = this.#activeSpan(active);
    return record?.runAround?.id ?? record?.binding?.runId ?? spanContext?.traceId;
  }

  /** The run that one begun here stands in. The trace of spans that are no events is no run. */
  runAround(): string | undefined {
    const active = contextApi.active();
    const runId = this.currentRunId(active);
    const isTrace = runId === this.#activeSpan(active).spanContext?.traceId;
    return runId === undefined || (isTrace && !this.#hub.run(runId)?.known) ? undefined : runId;
  }

  /** Publishes under the current run, with the ids of the active span. */
  emit(type: EventType, data: object | undefined): BusEvent | undefined {
    const { run, ids } = this.#place();
    if (!run) return this.#hub.refuse(this.currentRunId() === undefined ? "unkeyed" : "sealed");
    const event = this.chunks.publish(run, { runId: run.id, type, data, ...ids });
    this.#lives.touched(run, this.#traces.trace(ids.traceId));
    return event;
  }

  /** Where an event emitted here belongs. */
  #place(active: Context = contextApi.active()): Place {
    const { record, spanContext } = this.#activeSpan(active);
    const ids = record?.ids ?? (spanContext ? { traceId: spanContext.traceId, spanId: spanContext.spanId } : {});
    const binding = bindingOf(active);
    if (binding) return { run: this.#resolver.bound(binding), ids };
    const around = record?.runAround;
    if (around) return { run: around, ids };
    if (record?.binding) return { run: this.#resolver.bound(record.binding), ids };
    const runId = this.currentRunId(active);
    return { run: runId === undefined ? undefined : this.#resolver.unbound(runId, record), ids };
  }

  /** The generation that `publish` under this id goes to, when it is bound here. */
  boundHere(runId: string): Run | undefined | "unbound" {
    const binding = bindingOf(contextApi.active());
    return binding?.runId === runId ? this.#resolver.bound(binding) : "unbound";
  }

  owns(run: Run): boolean {
    const life = this.#lives.get(run);
    return life === undefined || life.owned || life.contextBound || (life.traces.size === 0 && !life.remote);
  }

  /** Gives up the open spans of a run that is about to be sealed, innermost first. */
  closing(run: Run): Outcome | undefined {
    this.chunks.flush(run);
    const life = this.#lives.get(run);
    if (!life) return undefined;
    for (const record of [...life.openEvents].reverse()) this.#abandon(record);
    return life.outcome;
  }

  closed(run: Run): void {
    run.sealedAt = nextInOrder();
    this.chunks.flush(run);
    const life = this.#lives.forget(run);
    if (!life) return;
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
    const { traceId, spanId } = span.spanContext();
    const trace = this.#traces.trace(traceId);
    if (trace) {
      const parent = trace.spans.get(parentOf(span)?.spanId ?? "");
      if (!parent || parent.binding || trace.lives.size > 0 || trace.spans.has(spanId)) return false;
    }
    held.classified = this.#classify(span);
    return held.classified.claim === undefined && !this.#watcher.hasSpanEvents(span);
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
    // Seen for the first time at its end: only worth while if it is an event.
    if (late && !included) return undefined;
    const trace = this.#traces.enter(traceId);
    const parentContext = parentOf(span);
    const parent =
      parentContext &&
      (trace.spans.get(parentContext.spanId) ?? (parentContext.isRemote ? undefined : trace.innermostEvent));
    const ownBinding = bindingOf(context);
    const record = new SpanRecord({
      trace,
      spanId,
      parent,
      remoteParentId: parentContext && !parent ? parentContext.spanId : undefined,
      name: view.name,
      scope: view.scope,
      startTime: view.startMillis ?? Date.now(),
      binding: ownBinding ?? parent?.binding,
      // A span below one that nobody saw is no new root.
      order: parentContext && !parentContext.isRemote ? 0 : nextInOrder(),
    });
    record.claim = claim;
    if (!claim && context) this.#contexts?.set(span, context);
    if (!parentContext) trace.owned = true;
    this.#traces.add(record);
    this.#enterScope(record);
    if (claim?.operation === "chunk") this.#watcher.isFirstChunk(record);
    else if (included) this.#become(record, span, view, context, ownBinding);
    else this.#watchInside(record, span);
    for (let oldest = this.#traces.surplus; oldest && oldest !== record; oldest = this.#traces.surplus)
      this.#giveUp(oldest);
    return record;
  }

  #classify(span: SpanLike): Classified {
    const view = viewOf(span, String(span.name));
    return { view, claim: this.#interpreter.classify(view) };
  }

  /** Makes the span an event, unless its convention says that it is none: finds its run and publishes its start. */
  #become(
    record: SpanRecord,
    span: SpanLike,
    view: SpanView,
    context: ContextLike | undefined,
    ownBinding = record.binding,
  ): void {
    const { claim, trace } = record;
    const operation = claim?.operation;
    if (operation === "ignored" || operation === "chunk") return this.#watchInside(record, span);
    this.#watcher.see(record, span, true);
    const run = this.#resolver.resolve(record, span, context, ownBinding, () => this.#interpreter.runId(view));
    if (!run || run.state === "closed" || run.state === "dropped") return this.#hub.refuse("sealed");
    const life = this.#lives.of(run);
    record.run = run;
    record.life = life;
    this.#lives.join(life, trace);
    if (operation === "handoff") return;
    record.kind = operation ? `agent.${operation}` : "span";
    const publish = this.#publisher.begin(record, run, record.kind, view);
    // Counted as open before anybody is told, who may end it or close its run.
    life.openEvents.add(record);
    if (record.outermost === record) life.openOutermost += 1;
    trace.eventOpened(record);
    this.#hub.spanOpened(run);
    publish();
    if (record.open) this.#watcher.watch(record, span);
  }

  #end(record: SpanRecord, span: SpanLike): void {
    if (!record.claim && !record.kind) {
      const view = viewOf(span, record.name, record.late);
      record.claim = this.#interpreter.classify(view);
      if (record.claim) this.#become(record, span, view, this.#contexts?.get(span));
    }
    this.#contexts?.delete(span);
    this.#watcher.readSpanEvents(record, span);
    if (record.run) {
      const endTime = millis(attempt(() => span.endTime, undefined)) ?? Date.now();
      const view = endedViewOf(span, record);
      if (record.kind) this.#publisher.ended(record, view, endTime);
      else this.#publisher.handoff(record, view, endTime);
    }
    this.#finished(record);
    this.#consider(record);
  }

  /** Takes the span out of everything that counts open ones. */
  #finished(record: SpanRecord): void {
    if (!record.open) return;
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
    this.#publisher.abandoned(record, Date.now());
    this.#hub.spanAbandoned();
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
    if (!record.eventParent && !record.binding) return;
    this.#watcher.see(record, span, false);
    this.#watcher.watch(record, span);
  }

  #includes(span: SpanLike): boolean {
    const { include } = this.#settings;
    return typeof include === "function"
      ? Boolean(this.#hub.decide("include", () => include(span), false))
      : include === "all";
  }

  #activeSpan(active: Context): { record?: SpanRecord | undefined; spanContext?: SpanContextLike | undefined } {
    const spanContext = traceApi.getSpanContext(active);
    if (!spanContext || isNoId(spanContext.traceId)) return {};
    return { spanContext, record: this.#traces.find(spanContext.traceId, spanContext.spanId) };
  }
}
