import type { BusEvent } from "../../bus/event.js";
import { dataOf, errorOf, numberOf, textOf } from "./event-data.js";
import { type Kind, kindOf, phaseOf, wordOf } from "./operations.js";

export type SpanState = "running" | "completed" | "failed" | "unknown";

/** One span, as far as its events have told. */
export interface SpanNode {
  readonly id: string;
  parentId: string | undefined;
  kind: Kind;
  operation: string;
  name: string;
  state: SpanState;
  startTime: number;
  /** Not there while it runs. */
  endTime: number | undefined;
  firstChunkTime: number | undefined;
  error: { readonly type: string; readonly message: string } | undefined;
  inputTokens: number;
  outputTokens: number;
  /** What start and end say, the end on top. */
  data: Readonly<Record<string, unknown>>;
  attributes: Readonly<Record<string, unknown>>;
  /** Text of a streaming call so far; the end brings the whole. */
  streamed: string;
  traceId: string | undefined;
  readonly order: number;
}

/** A span in its place. */
export interface SpanRow {
  readonly span: SpanNode;
  readonly depth: number;
  readonly children: number;
  readonly isFolded: boolean;
}

const MAX_SPANS = 2000;
const MAX_STREAMED = 8192;

/** The spans of a run as a tree, grown event by event. Holds the newest 2000. */
export class SpanTree {
  readonly #spans = new Map<string, SpanNode>();
  readonly #folded = new Set<string>();
  #rows: readonly SpanRow[] | undefined;
  #order = 0;
  #leftOut = 0;
  #running = 0;

  get size(): number {
    return this.#spans.size;
  }

  /** Spans that the page let go because there were too many. */
  get leftOut(): number {
    return this.#leftOut;
  }

  get running(): number {
    return this.#running;
  }

  span(id: string): SpanNode | undefined {
    return this.#spans.get(id);
  }

  add(event: BusEvent): void {
    if (event.spanId === undefined) return;
    const phase = phaseOf(event);
    if (phase) this.#phase(event, event.spanId, phase);
    else this.#remark(event, this.#spans.get(event.spanId));
  }

  /** No more events come: what runs ended without being seen to. */
  seal(lastTime: number): void {
    for (const span of this.#spans.values()) {
      if (span.state !== "running") continue;
      span.state = "unknown";
      span.endTime = Math.max(span.startTime, lastTime);
    }
    this.#running = 0;
  }

  fold(id: string, isFolded: boolean): void {
    if (isFolded) this.#folded.add(id);
    else this.#folded.delete(id);
    this.#rows = undefined;
  }

  /** Parents before children, children by their start. */
  rows(): readonly SpanRow[] {
    this.#rows ??= this.#flattened();
    return this.#rows;
  }

  #phase(event: BusEvent, id: string, { operation, phase }: NonNullable<ReturnType<typeof phaseOf>>): void {
    const data = dataOf(event);
    const took = numberOf(data["durationMillis"]);
    const known = this.#spans.get(id);
    const span = known ?? this.#begin(event, id, operation, phase === "started" ? 0 : (took ?? 0));
    // What a span is may show only at its end.
    if (span.operation === "span") [span.operation, span.kind] = [operation, kindOf(operation)];
    span.data = { ...span.data, ...data };
    span.attributes = { ...span.attributes, ...event.attributes };
    span.name = nameOf(operation, span.data) ?? span.name;
    if (phase === "started" || span.endTime !== undefined) return;
    if (span.state === "running") this.#running -= 1;
    span.state = phase;
    span.endTime = Math.max(span.startTime, took === undefined ? event.time : span.startTime + took);
    span.error = errorOf(data);
    const firstChunk = numberOf(data["timeToFirstChunkMillis"]);
    if (firstChunk !== undefined) span.firstChunkTime ??= span.startTime + firstChunk;
  }

  #begin(event: BusEvent, id: string, operation: string, took: number): SpanNode {
    this.#makeRoom();
    this.#order += 1;
    const span: SpanNode = {
      id,
      parentId: event.parentSpanId,
      kind: kindOf(operation),
      operation,
      name: wordOf(operation),
      state: "running",
      startTime: event.time - took,
      endTime: undefined,
      firstChunkTime: undefined,
      error: undefined,
      inputTokens: 0,
      outputTokens: 0,
      data: {},
      attributes: {},
      streamed: "",
      traceId: event.traceId,
      order: this.#order,
    };
    this.#spans.set(id, span);
    this.#running += 1;
    this.#rows = undefined;
    return span;
  }

  /** What is said of a span besides its start and end. */
  #remark(event: BusEvent, span: SpanNode | undefined): void {
    if (!span) return;
    const data = dataOf(event);
    switch (event.type) {
      case "agent.model.first_chunk": {
        const after = numberOf(data["timeToFirstChunkMillis"]);
        span.firstChunkTime ??= after === undefined ? event.time : span.startTime + after;
        return;
      }
      case "agent.model.chunk":
        span.firstChunkTime ??= event.time;
        span.streamed = (span.streamed + (textOf(data["text"]) ?? "")).slice(0, MAX_STREAMED);
        return;
      case "agent.tokens.used":
        span.inputTokens += numberOf(data["inputTokens"]) ?? 0;
        span.outputTokens += numberOf(data["outputTokens"]) ?? 0;
        return;
    }
  }

  /** The oldest span that is over goes first. */
  #makeRoom(): void {
    if (this.#spans.size < MAX_SPANS) return;
    const over = [...this.#spans.values()].find(({ state }) => state !== "running");
    const oldest = over ?? this.#spans.values().next().value;
    if (!oldest) return;
    if (oldest.state === "running") this.#running -= 1;
    this.#spans.delete(oldest.id);
    this.#leftOut += 1;
  }

  #flattened(): readonly SpanRow[] {
    const children = new Map<string | undefined, SpanNode[]>();
    const circles = this.#inCircles();
    for (const span of this.#spans.values()) {
      const parent = circles.has(span) ? undefined : this.#parentOf(span)?.id;
      const siblings = children.get(parent);
      if (siblings) siblings.push(span);
      else children.set(parent, [span]);
    }
    for (const siblings of children.values()) siblings.sort((a, b) => a.startTime - b.startTime || a.order - b.order);
    const rows: SpanRow[] = [];
    // A stack, not a recursion: nobody knows how deep a run goes.
    const waiting = (children.get(undefined) ?? []).map((span) => ({ span, depth: 0 })).reverse();
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { span, depth } = next;
      const below = children.get(span.id) ?? [];
      const isFolded = this.#folded.has(span.id);
      rows.push({ span, depth, children: below.length, isFolded });
      if (!isFolded) waiting.push(...below.map((child) => ({ span: child, depth: depth + 1 })).reverse());
    }
    return rows;
  }

  #parentOf({ parentId }: SpanNode): SpanNode | undefined {
    return parentId === undefined ? undefined : this.#spans.get(parentId);
  }

  /** Spans that are their own ancestors: nothing else would lead to them. */
  #inCircles(): ReadonlySet<SpanNode> {
    const circles = new Set<SpanNode>();
    const passed = new Set<SpanNode>();
    for (const start of this.#spans.values()) {
      const path: SpanNode[] = [];
      let span: SpanNode | undefined = start;
      for (; span && !passed.has(span); span = this.#parentOf(span)) {
        passed.add(span);
        path.push(span);
      }
      // What was passed before, on another path, is no circle of this one.
      const closing = span ? path.indexOf(span) : -1;
      if (closing >= 0) for (const each of path.slice(closing)) circles.add(each);
    }
    return circles;
  }
}

function nameOf(operation: string, data: Readonly<Record<string, unknown>>): string | undefined {
  switch (operation) {
    case "model":
    case "embedding":
    case "rerank":
      return textOf(data["responseModel"]) ?? textOf(data["model"]);
    case "tool":
      return textOf(data["toolName"]);
    case "mcp":
      return textOf(data["mcpMethod"]);
    case "invocation":
      return textOf(data["agentName"]);
    case "step": {
      const step = numberOf(data["step"]);
      return textOf(data["name"]) ?? (step === undefined ? undefined : `step ${step}`);
    }
    default:
      return textOf(data["name"]) ?? textOf(data["agentName"]);
  }
}
