import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { anObject } from "../bus/checks.js";
import type { BusEvent, EventInput, EventType, Outcome } from "../bus/event.js";
import { EventHub } from "../bus/event-hub.js";
import type { GlobalSubscribeOptions, HistoryOptions, StatsOptions, SubscribeOptions } from "../bus/hub-options.js";
import type { RunInfo, RunSnapshot, RunStanding } from "../bus/run.js";
import type { BusStats } from "../bus/stats.js";
import type { Subscription } from "../bus/subscription.js";
import type { Tap, TapListener } from "../bus/taps.js";
import type { SpanListener } from "./beside.js";
import { Inlet } from "./inlet.js";
import { type EventBusOptions, inletSettings } from "./options.js";
import type { ContextLike, LogRecordLike, SpanLike } from "./signals.js";
import { SilencedExporter } from "./silenced-exporter.js";
import { tell } from "./tell.js";

const BURST_MILLIS = 60_000;

/**
 * An event bus that is an OpenTelemetry `SpanProcessor` and `LogRecordProcessor`:
 *
 * ```ts
 * const bus = new EventBus();
 * new BasicTracerProvider({ spanProcessors: [bus, new BatchSpanProcessor(exporter)] });
 * ```
 *
 * Nothing in it waits, and nothing in it throws into the application but a mistake in the arguments of the constructor or of
 * a call that reads, `run` without a function, and `EventBusError` at a limit of readers.
 */
export class EventBus {
  readonly #hub: EventHub;
  readonly #inlet: Inlet;
  readonly #spanExporter = new SilencedExporter("spans", this);
  readonly #logExporter = new SilencedExporter("logs", this);
  readonly #told = new Map<string, number>();
  /**
   * How many attachments keep it in a provider.
   *
   * @internal
   */
  readonly attachments = new WeakMap<object, number>();

  /** @throws TypeError or RangeError that names the option, what is allowed and what was given. */
  constructor(options: EventBusOptions = {}) {
    anObject("options", options);
    const settings = inletSettings(options);
    this.#hub = new EventHub(options, {
      report: (what, error) => this.#report(what, error),
      apart: (act) => context.with(ROOT_CONTEXT, act),
      owns: (run) => this.#inlet.owns(run),
      closing: (run) => this.#inlet.closing(run),
      closed: (run) => this.#inlet.closed(run),
    });
    this.#inlet = new Inlet(this.#hub, settings);
  }

  // ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one run: what is kept of it, then live, until its stream closes. Attached when it returns. A run that nobody
   * knows yet is waited for.
   *
   * @throws EventBusError `SPANBUS_SUBSCRIBER_LIMIT` when `maxRunSubscribers` readers are attached.
   */
  subscribe(runId: string, options?: SubscribeOptions): Subscription {
    this.#inlet.flush();
    return this.#hub.subscribe(runId, options);
  }

  /**
   * Reads every run, live only, with `bus.run.opened` and `bus.run.closed` around each.
   *
   * @throws EventBusError `SPANBUS_SUBSCRIBER_LIMIT` when `maxGlobalSubscribers` readers are attached.
   */
  subscribeGlobal(options?: GlobalSubscribeOptions): Subscription {
    this.#inlet.flush();
    return this.#hub.subscribeGlobal(options);
  }

  /** What is kept of a run, oldest first: the first `limit` behind `after`, or the newest `limit`. */
  history(runId: string, options?: HistoryOptions): readonly BusEvent[] {
    this.#inlet.flush();
    return this.#hub.history(runId, options);
  }

  /** Open runs and runs whose events are kept, newest activity first. */
  runs(): readonly RunInfo[] {
    this.#inlet.flush();
    return this.#hub.runs();
  }

  /** One run, as `runs()` shows it; also one whose events are no longer kept. Undefined for one without events. */
  runInfo(runId: string): RunInfo | undefined {
    this.#inlet.flush();
    return this.#hub.runInfo(runId);
  }

  /**
   * Where a run stands, or a given generation of it: its latest event id and, once it is over, how it ended. Undefined
   * for one that is not known; of generations that a newer one followed the last 1000 are.
   */
  standing(runId: string, generation?: string): RunStanding | undefined {
    this.#inlet.flush();
    return this.#hub.standing(runId, generation);
  }

  /** Where a run stands and what is kept of it, at one moment: `standing` and `history` in one. Undefined for one that is not known. */
  snapshot(runId: string, options?: HistoryOptions): RunSnapshot | undefined {
    this.#inlet.flush();
    return this.#hub.snapshot(runId, options);
  }

  /** The run that has events of this trace. */
  runOf(traceId: string): string | undefined {
    this.#inlet.flush();
    return this.#hub.runOf(traceId);
  }

  /** Calls the listener for every event, in the publisher's call and in order. It costs what it costs; a throw is counted. */
  tap(listener: ((event: BusEvent) => void) | TapListener): Tap {
    this.#inlet.flush();
    return this.#hub.tap(listener);
  }

  /** What the bus counted and holds. */
  stats(options?: StatsOptions): BusStats {
    this.#inlet.flush();
    return this.#hub.stats(options);
  }

  // ── write ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Publishes an event into a run. Undefined if it was refused and counted: the run is sealed, a name is invalid, `redact`
   * withheld it, or the bus is shut down. Undefined, too, for a chunk that waits to be joined with the next ones.
   */
  publish(event: EventInput): BusEvent | undefined {
    return this.#safely("publish", () => {
      this.#inlet.flush();
      // Read once: it may be a getter.
      const runId = typeof event === "object" ? event?.runId : undefined;
      const bound = this.#inlet.here.bound(runId);
      const run = bound === "unbound" ? this.#hub.taking(runId) : (bound ?? "sealed");
      return typeof run === "string" ? this.#hub.refuse(run) : this.#inlet.chunks.publish(run, event);
    });
  }

  /** Publishes under the current run, with the ids of the active span. Undefined if there is no run, or as `publish`. */
  emit(type: EventType, data?: object): BusEvent | undefined {
    return this.#safely("emit", () => {
      this.#inlet.flush();
      return this.#inlet.here.emit(type, data);
    });
  }

  /**
   * Binds a run to a function and closes it when the function has settled and the spans begun in it are over. A throw closes
   * it at once as `failed`, an abort as `cancelled`; after a rejection, open spans have 100 ms to end. Without an id it gets
   * a new one. With the id of a run in progress it joins that, and the last to settle closes. A promise is waited for; what
   * has a `then` of its own (a query, the promises of OpenAI's client) is returned untouched, since that may be what starts
   * or reads it, and counts as settled: spans begun in it are waited for all the same. A generator that the function returns
   * is not waited for either, and what runs in it later is not bound: read it inside the function.
   */
  run<T>(fn: (runId: string) => T): T;
  run<T>(runId: string, fn: (runId: string) => T): T;
  run<T>(first: string | ((runId: string) => T), second?: (runId: string) => T): T {
    this.#inlet.flush();
    const [runId, fn] = typeof first === "function" ? [undefined, first] : [first, second];
    if (typeof fn !== "function") throw new TypeError(`\`fn\` must be a function, got ${typeof fn}`);
    return this.#inlet.scopes.run(runId, this.#inlet.here.runAround(), fn);
  }

  /**
   * Seals the run: spans still open fail as `abandoned`, readers drain, then end. History is kept. One that is about to begin
   * behind a sealed one is sealed before its first event. False if it was closed before.
   */
  closeStream(runId: string, outcome?: Outcome): boolean {
    return (
      this.#safely("closeStream", () => {
        this.#inlet.flush();
        const { here, scopes } = this.#inlet;
        return this.#hub.closeStream(runId, outcome, here.next(runId) ?? scopes.next(runId));
      }) ?? false
    );
  }

  /** Forgets the run and its seal, in this process; its readers end as `dropped`. False if it was not known. */
  dropHistory(runId: string): boolean {
    this.#inlet.flush();
    return this.#hub.dropHistory(runId);
  }

  /** Ends all readers of the global stream; new ones may come. */
  closeGlobal(): void {
    this.#inlet.flush();
    this.#hub.closeGlobal();
  }

  // ── OpenTelemetry ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** A span began. The tracer provider calls it; nothing it does throws into the application. */
  onStart(span: SpanLike, parentContext?: ContextLike): void {
    if (this.#hub.isShutdown) return;
    this.#spanExporter.look();
    try {
      this.#inlet.spanStarted(span, parentContext);
    } catch (error) {
      this.#hub.report("onStart", error);
    }
  }

  /** A span ended, also one that was never seen to begin. The tracer provider calls it. */
  onEnd(span: SpanLike): void {
    if (this.#hub.isShutdown) return attempt(() => this.#inlet.spanMissed(span), undefined);
    try {
      this.#inlet.spanEnded(span);
    } catch (error) {
      this.#hub.report("onEnd", error);
    }
  }

  /** A log record was emitted; one with an event name becomes an event. The logger provider calls it. */
  onEmit(record: LogRecordLike, context?: ContextLike): void {
    if (this.#hub.isShutdown) return;
    this.#logExporter.look();
    this.#safely("onEmit", () => this.#inlet.logEmitted(record, context));
  }

  /** Whether log events are wanted: until shutdown. */
  enabled(): boolean {
    return !this.#hub.isShutdown;
  }

  /** Publishes what is held back for a moment: a span just started, chunks to be joined. */
  async forceFlush(): Promise<void> {
    this.#safely("forceFlush", () => this.#inlet.flushAll());
  }

  /** Gives up open spans, closes every stream, then refuses input. Reading still works. Twice is once. */
  async shutdown(): Promise<void> {
    this.#safely("shutdown", () => {
      this.#inlet.flushAll();
      this.#hub.shutdown();
      this.#inlet.forgetAll();
    });
  }

  /** @internal */
  get isShutdown(): boolean {
    return this.#hub.isShutdown;
  }

  /**
   * Lets an inlet for one SDK hear of every span that starts, until it calls what it gets. Undefined if one of that name
   * listens already: two would tell everything twice.
   *
   * @internal
   */
  beside(name: string, listener: SpanListener): (() => void) | undefined {
    const { beside } = this.#inlet;
    return beside.add(name, listener) ? () => beside.remove(name, listener) : undefined;
  }

  /** @internal */
  currentRunId(): string | undefined {
    this.#inlet.flush();
    return this.#inlet.here.currentRunId();
  }

  #safely<T>(what: string, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#hub.report(what, error);
      return undefined;
    }
  }

  /** Told once per burst. */
  #report(what: string, error: unknown): void {
    const now = performance.now();
    const last = this.#told.get(what);
    if (last !== undefined && now - last < BURST_MILLIS) return;
    this.#told.set(what, now);
    tell("error", `${what} failed; further failures within a minute are only counted`, error);
  }
}
