import { context } from "@opentelemetry/api";
import type { EventBus } from "../otel/event-bus.js";
import { activePlace, randomHex, ToldSpan } from "../otel/told-span.js";
import { type AgentsSpanLike, type AgentsTraceLike, type Usage, usageOf } from "./tracing.js";

/** A span of the SDK that is under way. */
interface OpenSpan {
  readonly span: AgentsSpanLike;
  readonly told: ToldSpan;
  readonly parent: OpenSpan | undefined;
  /** Used by runs inside it, which tell that themselves. */
  nested: Usage;
  /** What was done last inside it was cut off. */
  isCut: boolean;
}

/**
 * A trace of the SDK that is under way. It is no event: its tasks are, one for each `run()`. It is the span around them, so
 * that they are one run of the bus. The SDK says of a trace that it is over, but not where a run in it failed or was resumed
 * (after an approval, say): then it is over with what is open in it.
 */
export class OpenTrace {
  readonly #bus: EventBus;
  readonly #scope: string;
  readonly #trace: AgentsTraceLike;
  readonly #open = new Map<string, OpenSpan>();
  readonly #isResumed: boolean;
  #root: ToldSpan | undefined;

  constructor(bus: EventBus, scope: string, trace: AgentsTraceLike, isResumed = false) {
    this.#bus = bus;
    this.#scope = scope;
    this.#trace = trace;
    this.#isResumed = isResumed;
  }

  spanStarted(span: AgentsSpanLike): void {
    const startMillis = millis(span.startedAt);
    const parent = span.parentId === null ? undefined : this.#open.get(span.parentId);
    const open: OpenSpan = {
      span,
      parent,
      nested: {},
      isCut: false,
      told: this.#tell({
        name: nameOf(span),
        place: (parent?.told ?? this.#around(startMillis)).inside,
        startMillis,
        spanId: /^span_([0-9a-f]{16})/.exec(span.spanId)?.[1],
        live: () => this.#attributesOf(open),
      }),
    };
    this.#open.set(span.spanId, open);
    this.#bus.onStart(open.told, context.active());
  }

  spanEnded(span: AgentsSpanLike): void {
    const open = this.#open.get(span.spanId);
    if (!open) return;
    this.#open.delete(span.spanId);
    const { told, parent } = open;
    const usage = span.spanData.type === "task" ? usageOf(span) : undefined;
    if (parent && usage) countNested(parent, usage);
    const isCut = !span.error && (open.isCut || isCutAnswer(span));
    if (parent && spine.has(span.spanData.type)) parent.isCut = isCut;
    if (span.error) told.fail(thrown(span.error));
    else if (isCut) told.fail(stopped);
    this.#bus.onEnd(told.end(millis(span.endedAt)));
    if (this.#open.size === 0 && (this.#isResumed || span.error)) this.end();
  }

  end(): void {
    if (!this.#root) return;
    this.#bus.onEnd(this.#root.end());
    this.#root = undefined;
  }

  /** The span that stands for the trace, made when something in it begins. */
  #around(startMillis: number | undefined): ToldSpan {
    if (this.#root) return this.#root;
    const active = context.active();
    const ownId = /^trace_([0-9a-f]{32})$/.exec(this.#trace.traceId)?.[1];
    this.#root = this.#tell({
      name: this.#trace.name,
      place: activePlace(active) ?? { traceId: ownId ?? randomHex(16) },
      startMillis,
      live: () => ({ "openai.agents.type": "trace", ...this.#ofTrace() }),
    });
    this.#bus.onStart(this.#root, active);
    return this.#root;
  }

  #tell(told: Omit<ConstructorParameters<typeof ToldSpan>[0], "scope">): ToldSpan {
    return new ToldSpan({ ...told, scope: this.#scope });
  }

  #attributesOf({ span, nested }: OpenSpan): Readonly<Record<string, unknown>> {
    const attributes: Record<string, unknown> = this.#ofTrace();
    for (const [key, value] of Object.entries(span.spanData)) {
      if (value !== undefined && value !== null && value !== "") attributes[`openai.agents.${key}`] = value;
    }
    const usage = span.spanData.type === "turn" ? usageOf(span) : undefined;
    if (usage) attributes["openai.agents.usage"] = without(usage, nested);
    return attributes;
  }

  #ofTrace(): Record<string, unknown> {
    const { groupId, metadata, name } = this.#trace;
    return {
      "openai.agents.trace.name": name,
      ...(groupId && { "openai.agents.trace.group_id": groupId }),
      ...(metadata && { "openai.agents.trace.metadata": metadata }),
    };
  }
}

/** The chain from a run to the answers of its models. */
const spine: ReadonlySet<string> = new Set(["agent", "turn", "response", "generation"]);

const stopped = { name: "AbortError", message: "The run was stopped before the model had answered." };

/** Of a run that is stopped the SDK says nothing but this: a model was asked, and there is neither an answer nor an error. */
function isCutAnswer({ spanData }: AgentsSpanLike): boolean {
  const { type, _input, _response, input, output } = spanData as Readonly<Record<string, unknown>>;
  if (type === "response") return _input !== undefined && _response === undefined;
  return type === "generation" && input !== undefined && output === undefined;
}

function nameOf({ spanData }: AgentsSpanLike): string {
  const { type, name, turn } = spanData as { readonly type: string; readonly name?: unknown; readonly turn?: unknown };
  if (type === "turn") return `turn ${turn}`;
  return typeof name === "string" && name !== "" ? name : type;
}

/** The SDK writes the error that was thrown as text. */
function thrown({ message, data }: NonNullable<AgentsSpanLike["error"]>): { name?: string; message: string } {
  const told = data?.["error"];
  if (typeof told !== "string" || told === "") return { message };
  const [, name, rest] = /^([A-Z]\w*): ([\s\S]*)$/.exec(told) ?? [];
  return name === undefined ? { message: told } : { name, message: rest ?? "" };
}

/** The turn around a run inside a tool counts that run in. */
function countNested(around: OpenSpan, usage: Usage): void {
  for (let each: OpenSpan | undefined = around; each; each = each.parent) {
    if (each.span.spanData.type !== "turn") continue;
    const { nested } = each;
    each.nested = Object.fromEntries(Object.entries(usage).map(([key, count]) => [key, (nested[key] ?? 0) + count]));
    return;
  }
}

function without(usage: Usage, nested: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).map(([key, count]) => [key, count - (nested[key] ?? 0)]));
}

function millis(date: string | null): number | undefined {
  const time = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? undefined : time;
}
