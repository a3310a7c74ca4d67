import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { AnyValueMap } from "@opentelemetry/api-logs";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, type Sampler, type SpanLimits, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type BusEvent, EventBus, type EventBusOptions, type RunInfo } from "spanbus";
import { afterEach, beforeEach, vi } from "vitest";

/** What a span is started with: its attributes, and where. Without a place it goes under what is active. */
export interface SpanMaking {
  readonly under?: Span | Context | undefined;
  readonly root?: boolean;
  readonly attributes?: Attributes;
  readonly startTime?: number;
  /** Instrumentation scope. */
  readonly scope?: string;
}

export interface Pipeline {
  readonly sampler?: Sampler;
  readonly spanLimits?: SpanLimits;
  /** Processors behind the bus. */
  readonly spanProcessors?: readonly SpanProcessor[];
}

/** Makes the active context follow asynchronous calls, in every test of the file. */
export function withContextManager(): void {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterEach(() => context.disable());
}

/** Lets the tests of the file say when time passes. */
export function withFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** Lets so many milliseconds pass; without a number one macrotask, which is a timer of 1 ms at most. */
export async function pass(millis = 1): Promise<void> {
  await vi.advanceTimersByTimeAsync(millis);
}

/** A service whose spans and logs go to a bus: what the application sees, and what the bus made of it. */
export class Service {
  readonly bus: EventBus;
  readonly provider: BasicTracerProvider;
  readonly logs: LoggerProvider;

  constructor(options: EventBusOptions = {}, { spanProcessors = [], ...pipeline }: Pipeline = {}) {
    this.bus = new EventBus(options);
    this.provider = new BasicTracerProvider({ ...pipeline, spanProcessors: [this.bus, ...spanProcessors] });
    this.logs = new LoggerProvider({ processors: [this.bus] });
  }

  // ── what the application does ─────────────────────────────────────────────────────────────────────────────────────

  /** A span that no convention knows. */
  plain(name: string, { under, root, attributes, startTime, scope = "app" }: SpanMaking = {}): Span {
    return this.provider
      .getTracer(scope)
      .startSpan(
        name,
        { ...(attributes && { attributes }), ...(root && { root }), ...(startTime !== undefined && { startTime }) },
        contextOf(under),
      );
  }

  agent(name: string, making: SpanMaking = {}): Span {
    return this.#operation(`invoke_agent ${name}`, "invoke_agent", { "gen_ai.agent.name": name }, making);
  }

  workflow(name: string, making: SpanMaking = {}): Span {
    return this.#operation(`invoke_workflow ${name}`, "invoke_workflow", { "gen_ai.workflow.name": name }, making);
  }

  model(making: SpanMaking = {}): Span {
    return this.#operation("chat gpt", "chat", { "gen_ai.request.model": "gpt" }, making);
  }

  tool(name: string, making: SpanMaking = {}): Span {
    return this.#operation(`execute_tool ${name}`, "execute_tool", { "gen_ai.tool.name": name }, making);
  }

  #operation(name: string, operation: string, attributes: Attributes, making: SpanMaking): Span {
    const all = { "gen_ai.operation.name": operation, ...attributes, ...making.attributes };
    return this.plain(name, { ...making, attributes: all });
  }

  /** Emits a log event, on the span if one is given. */
  log(eventName: string, { on, attributes = {}, body }: { on?: Span; attributes?: AnyValueMap; body?: string } = {}) {
    this.logs.getLogger("app").emit({
      eventName,
      attributes,
      ...(body !== undefined && { body }),
      ...(on && { context: contextOf(on) }),
    });
  }

  // ── what came of it ───────────────────────────────────────────────────────────────────────────────────────────────

  history(run: string | Span): readonly BusEvent[] {
    return this.bus.history(typeof run === "string" ? run : traceIdOf(run));
  }

  types(run: string | Span): string[] {
    return this.history(run).map(({ type }) => type);
  }

  /** The first event of the type, which must be there. */
  event<T extends BusEvent["type"]>(run: string | Span, type: T): Extract<BusEvent, { type: T }> {
    const found = this.history(run).find((event) => event.type === type);
    if (!found) throw new Error(`no ${type} among ${this.types(run).join(", ") || "no events"}`);
    return found as Extract<BusEvent, { type: T }>;
  }

  info(run: string | Span): RunInfo | undefined {
    const runId = typeof run === "string" ? run : traceIdOf(run);
    return this.bus.runs().find((info) => info.runId === runId);
  }

  /** `open`, or how it ended; undefined for a run that nobody knows. */
  fate(run: string | Span): string | undefined {
    const info = this.info(run);
    return info && (info.outcome ?? info.state);
  }
}

/** A service that began without the bus: `attach` adds it to the provider as programs do that come late. */
export class Running extends Service {
  readonly #processors: SpanProcessor[] = [];
  override readonly provider = new BasicTracerProvider({
    spanProcessors: [
      {
        onStart: (span, parent) => this.#processors.forEach((each) => void each.onStart(span, parent)),
        onEnd: (span) => this.#processors.forEach((each) => void each.onEnd(span)),
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  });

  attach(): void {
    this.#processors.push(this.bus);
  }
}

/** Runs the function with the span active. */
export function within<T>(span: Span, fn: () => T): T {
  return context.with(trace.setSpan(context.active(), span), fn);
}

/** A context kept for later, as code does that leaks it. */
export function leak(): <T>(fn: () => T) => T {
  const leaked = context.active();
  return (fn) => context.with(leaked, fn);
}

export function traceIdOf(span: Span): string {
  return span.spanContext().traceId;
}

export function spanIdOf(span: Span): string {
  return span.spanContext().spanId;
}

/** The context of a request that a traced client sent: its span is the parent. */
export function requestFrom(client: Partial<SpanContext> = {}, base: Context = context.active()): Context {
  return trace.setSpanContext(base, {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    ...client,
  });
}

/** The context of a request that brings a run id along. */
export function withBaggage(runId: string): Context {
  return propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ "spanbus.run.id": { value: runId } }));
}

export function fail(span: Span, message = "broken"): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.end();
}

/** Everything the bus says to a tap, in one list of words. */
export function listen(bus: EventBus): string[] {
  const heard: string[] = [];
  bus.tap({
    opened: ({ runId }) => heard.push(`opened ${runId}`),
    event: ({ type }) => heard.push(type),
    closed: ({ runId, outcome }) => heard.push(`closed ${runId} ${outcome}`),
  });
  return heard;
}

/** Reads a subscription to its end. */
export async function readAll(events: AsyncIterable<BusEvent>): Promise<BusEvent[]> {
  const read: BusEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

function contextOf(under: Span | Context | undefined): Context {
  if (under === undefined) return context.active();
  return "spanContext" in under ? trace.setSpan(context.active(), under) : under;
}
