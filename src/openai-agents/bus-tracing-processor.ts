import { attempt } from "../bus/attempt.js";
import { anEventBus, listenBeside } from "../otel/beside.js";
import type { EventBus } from "../otel/event-bus.js";
import type { SpanLike } from "../otel/signals.js";
import { tell } from "../otel/tell.js";
import { OpenTrace } from "./open-trace.js";
import type { AgentsSpanLike, AgentsTraceLike } from "./tracing.js";

const SCOPE = "spanbus/openai-agents";
const OPENINFERENCE = "@arizeai/openinference-instrumentation-openai-agents";
/** Traces that never end, since a run in them failed, are forgotten beyond so many. */
const MAX_TRACES = 1000;

/**
 * A tracing processor of the OpenAI Agents SDK that tells the bus of its runs: `addTraceProcessor(new
 * BusTracingProcessor(bus))` beside what exports them, or `setTraceProcessors` instead of it. Names of agents and tools and
 * the number of a turn are known at the start. From its making to its `shutdown`, the spans that OpenInference makes of the
 * same runs are no events: make it only to register it.
 */
export class BusTracingProcessor {
  readonly #bus: EventBus;
  readonly #traces = new Map<string, OpenTrace>();
  readonly #isOpenInference = (span: SpanLike): boolean =>
    attempt(() => span.instrumentationScope?.name === OPENINFERENCE, false);
  #stop: (() => void) | undefined;

  /** @throws TypeError if `bus` is no `EventBus`. */
  constructor(bus: EventBus) {
    anEventBus(bus);
    this.#bus = bus;
    this.start();
  }

  /** Listens again, after a `shutdown`. */
  start(): void {
    this.#stop ??= listenBeside(this.#bus, SCOPE, this.#isOpenInference);
  }

  /** The SDK calls it when a trace begins. */
  async onTraceStart(trace: AgentsTraceLike): Promise<void> {
    this.#safely(() => this.#enter(trace));
  }

  /** The SDK calls it when a trace ends, unless a run in it failed. */
  async onTraceEnd(trace: AgentsTraceLike): Promise<void> {
    this.#safely(() => {
      this.#traces.get(trace.traceId)?.end();
      this.#traces.delete(trace.traceId);
    });
  }

  /** The SDK calls it when a span begins. */
  async onSpanStart(span: AgentsSpanLike): Promise<void> {
    this.#safely(() => (this.#traces.get(span.traceId) ?? this.#resume(span))?.spanStarted(span));
  }

  /** The SDK calls it when a span ends. */
  async onSpanEnd(span: AgentsSpanLike): Promise<void> {
    this.#safely(() => this.#traces.get(span.traceId)?.spanEnded(span));
  }

  /** Lets go of the bus, which goes on; the SDK calls it at the end of the process, or when others take its place. */
  async shutdown(_timeoutMillis?: number): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
  }

  async forceFlush(): Promise<void> {
    await this.#bus.forceFlush();
  }

  #resume({ traceId, traceMetadata: metadata }: AgentsSpanLike): OpenTrace | undefined {
    return this.#enter({ traceId, name: "resumed", metadata }, true);
  }

  #enter(trace: AgentsTraceLike, isResumed = false): OpenTrace | undefined {
    if (!this.#stop) return undefined;
    const entered = new OpenTrace(this.#bus, SCOPE, trace, isResumed);
    this.#traces.set(trace.traceId, entered);
    const [oldest] = this.#traces.keys();
    if (this.#traces.size > MAX_TRACES && oldest !== undefined) this.#traces.delete(oldest);
    return entered;
  }

  /** A processor that throws is logged by the SDK with all that it knows. */
  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      tell("error", "a trace of the OpenAI Agents SDK was not understood", error);
    }
  }
}
