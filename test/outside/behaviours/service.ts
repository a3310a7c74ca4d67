import { type Attributes, type Context, context, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { type BusEvent, EventBus, type EventBusOptions } from "spanbus";
import { type Sampler, type SpanProcessor, TracerProvider } from "./sdk.js";

declare module "spanbus" {
  interface EventMap {
    progress: { readonly percent?: number; readonly index?: number };
    note: Readonly<Record<string, unknown>>;
    tick: { readonly deep?: object };
  }
}

export interface Pipeline {
  readonly sampler?: Sampler;
  /** Processors behind the bus. */
  readonly spanProcessors?: readonly SpanProcessor[];
}

/** An application that gives its spans and log records to a bus. */
export class Service {
  readonly bus: EventBus;
  readonly spans: TracerProvider;
  readonly logs: LoggerProvider;

  constructor(options: EventBusOptions = {}, { sampler, spanProcessors = [] }: Pipeline = {}) {
    this.bus = new EventBus(options);
    this.spans = new TracerProvider({ ...(sampler && { sampler }), spanProcessors: [this.bus, ...spanProcessors] });
    this.logs = new LoggerProvider({ processors: [this.bus] });
  }

  agent(name: string, under?: Span | Context): Span {
    return this.span(
      `invoke_agent ${name}`,
      { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name },
      under,
    );
  }

  model(under?: Span | Context): Span {
    return this.span("chat gpt", { "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt" }, under);
  }

  tool(name: string, under?: Span | Context): Span {
    return this.span(
      `execute_tool ${name}`,
      { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name },
      under,
    );
  }

  /** Under what is active, unless it is told what goes around it. */
  span(name: string, attributes: Attributes, under?: Span | Context): Span {
    const around = under === undefined ? context.active() : "spanContext" in under ? inside(under) : under;
    return this.spans.getTracer("app").startSpan(name, { attributes }, around);
  }

  log(eventName: string, attributes: Record<string, string | number> = {}, on?: Span): void {
    this.record({ eventName, attributes }, on);
  }

  /** Emits a log record, in what is active unless it is told on which span. */
  record(record: Parameters<ReturnType<LoggerProvider["getLogger"]>["emit"]>[0], on?: Span): void {
    this.logs.getLogger("app").emit({ ...record, ...(on && { context: inside(on) }) });
  }

  types(run: string | Span): string[] {
    return this.history(run).map(({ type }) => type);
  }

  history(run: string | Span): readonly BusEvent[] {
    return this.bus.history(typeof run === "string" ? run : run.spanContext().traceId);
  }

  /** `open`, or how the run ended. */
  fate(run: string | Span): string | undefined {
    const runId = typeof run === "string" ? run : run.spanContext().traceId;
    const info = this.bus.runs().find((each) => each.runId === runId);
    return info && (info.outcome ?? info.state);
  }
}

export function inside(span: Span): Context {
  return trace.setSpan(ROOT_CONTEXT, span);
}

export async function readAll(events: AsyncIterable<BusEvent>): Promise<BusEvent[]> {
  const read: BusEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

/** The first event of that type, which must be there. */
export function eventOf<T extends BusEvent["type"]>(
  events: readonly BusEvent[],
  type: T,
): Extract<BusEvent, { type: T }> {
  const found = events.find((event) => event.type === type);
  if (!found) throw new Error(`no ${type} among ${events.map((event) => event.type).join(", ") || "no events"}`);
  return found as Extract<BusEvent, { type: T }>;
}
