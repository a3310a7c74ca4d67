import { attempt } from "../bus/attempt.js";
import type { ErrorData, Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { Tally } from "../bus/tally.js";
import type { EndedSpanView, Interpreter, SpanView, Tokens } from "../conventions/index.js";
import type { Chunks } from "./chunks.js";
import { type EventKind, type SpanRecord, typesOf } from "./span-record.js";

export interface PublisherSettings {
  readonly content: (value: unknown) => string | undefined;
  readonly carries: ((name: string) => boolean) | undefined;
}

/** What a start says. */
export interface Beginning {
  readonly data: Record<string, unknown>;
  readonly counted: boolean;
  readonly attributes: object | undefined;
}

/** Turns what is known of a span into the events of its run. */
export class SpanPublisher {
  readonly #hub: EventHub;
  readonly #chunks: Chunks;
  readonly #interpreter: Interpreter;
  readonly #settings: PublisherSettings;

  constructor(hub: EventHub, chunks: Chunks, interpreter: Interpreter, settings: PublisherSettings) {
    this.#hub = hub;
    this.#chunks = chunks;
    this.#interpreter = interpreter;
    this.#settings = settings;
  }

  /** Gives the span its place in the tree of its run; what it returns is for `started`. */
  begin(record: SpanRecord, run: Run, kind: EventKind, view: SpanView): Beginning {
    const attributes = this.#attributes(view);
    const reading = this.#interpreter.read(record.claim, view, this.#settings.content);
    const data = record.claim ? reading.started() : { name: record.name };
    const named = ownText(run, "agentName", data["agentName"]);
    record.becomes(kind, named);
    if (record.agentName !== undefined && kind !== "span") data["agentName"] = record.agentName;
    record.inputTold = data["input"] !== undefined || data["arguments"] !== undefined;
    record.model = ownText(run, "model", data["model"]);
    record.toolName = ownText(run, "toolName", data["toolName"]);
    const wrapper = record.wrapper;
    // The first one below takes over the wrapper's count.
    const counted = wrapper === undefined || wrapper.wraps;
    if (wrapper) wrapper.wraps = true;
    return { data, counted, attributes };
  }

  /** Publishes the start. */
  started(record: SpanRecord, kind: EventKind, { data, counted, attributes }: Beginning): void {
    if (record.run) record.startsBehind = record.run.seq;
    this.publish(record, typesOf[kind].started, data, record.startTime, counted, attributes);
    record.startsBehind = -1;
  }

  ended(record: SpanRecord, view: EndedSpanView, endTime: number): void {
    const { claim, kind } = record;
    if (!record.run || !kind) return;
    // What shows only at its end is told after that of the span.
    const reading = claim && kind !== "span" ? this.#interpreter.read(claim, view, this.#settings.content) : undefined;
    const data: Record<string, unknown> = reading ? reading.ended(record.inputTold) : { name: record.name };
    // Only an agent may have learnt a better name of itself since its start.
    if (record.agentName !== undefined && kind !== "span" && (kind !== "agent.invocation" || !data["agentName"])) {
      data["agentName"] = record.agentName;
    }
    // Some instrumentations overwrite the requested model with the one that answered.
    if (record.model !== undefined) data["model"] = record.model;
    const error = this.#interpreter.failure(claim, view);
    this.#finish(record, data, error, endTime, reading?.tokens(), this.#attributes(view));
  }

  /** The span is given up: it failed as `abandoned`. */
  abandoned(record: SpanRecord, now: number): void {
    const data: Record<string, unknown> = record.kind === "span" ? { name: record.name } : {};
    if (record.model !== undefined) data["model"] = record.model;
    if (record.kind === "agent.tool") data["toolName"] = record.toolName ?? record.name;
    if (record.agentName !== undefined && record.kind !== "span") data["agentName"] = record.agentName;
    this.#finish(record, data, { type: "abandoned", message: "The span was still open when its run was closed." }, now);
  }

  handoff(record: SpanRecord, view: EndedSpanView, endTime: number): void {
    if (record.claim)
      this.publish(
        record,
        "agent.handoff",
        this.#interpreter.ended(record.claim, view, this.#settings.content),
        endTime,
      );
  }

  /** The first chunk of a model call arrived. Told once. */
  firstChunk(model: SpanRecord, time: number, millis: number | undefined): void {
    if (model.firstChunkSeen || model.kind !== "agent.model") return;
    model.firstChunkSeen = true;
    const data: Record<string, unknown> = { timeToFirstChunkMillis: millis ?? Math.max(0, time - model.startTime) };
    if (model.model !== undefined) data["model"] = model.model;
    if (model.agentName !== undefined) data["agentName"] = model.agentName;
    this.publish(model, "agent.model.first_chunk", data, time);
  }

  /** Publishes data that was made for it and that nobody changes afterwards. */
  publish(record: SpanRecord, type: string, data: object, time: number, counted = true, attributes?: object): void {
    const { run } = record;
    if (!run) return;
    const { trace, spanId, parentSpanId } = record;
    const input = { runId: run.id, type, data, time, traceId: trace.id, spanId, parentSpanId, attributes };
    const event = this.#chunks.publish(run, input, counted, true);
    if (!event || !counted) return;
    // Without an agent around, the root keeps count: it may turn out to be one at its end.
    const counting = record.outermost ?? record.root;
    if (counting.run && counting.run !== record.run) return;
    counting.tally ??= new Tally();
    counting.tally.add(event);
  }

  #finish(
    record: SpanRecord,
    data: Record<string, unknown>,
    error: ErrorData | undefined,
    endTime: number,
    tokens?: Tokens,
    attributes?: object,
  ): void {
    const durationMillis = Math.max(0, endTime - record.startTime);
    data["durationMillis"] = durationMillis;
    if (error) data["error"] = error;
    const { failed, completed } = typesOf[record.kind ?? "span"];
    if (record.run) {
      this.#chunks.flush(record.run);
      record.endsBehind = record.run.seq;
    }
    this.publish(record, error ? failed : completed, data, endTime, !record.wraps, attributes);
    if (tokens) this.#tokens(record, data, tokens, endTime);
    if (record.outermost === record) this.#terminate(record, error, durationMillis, endTime);
  }

  /** Tokens are told by the deepest span that has them; by an agent only when no model below it told any. */
  #tokens(record: SpanRecord, data: Record<string, unknown>, tokens: Tokens, time: number): void {
    if (record.kind === "agent.invocation" ? record.modelTokensBelow : record.tokensBelow) return;
    if (this.#modelOpenBelow(record) || this.#toldAround(record)) return;
    record.tokensTold = true;
    const { agentName } = record;
    const { provider } = data;
    const model = data["model"] ?? record.model;
    const about = {
      ...(model !== undefined && { model }),
      ...(provider !== undefined && { provider }),
      ...(agentName !== undefined && { agentName }),
    };
    this.publish(record, "agent.tokens.used", { ...about, ...tokens }, time);
    let sameLevel = !record.isLevel;
    for (let each = record.parent; each; each = each.parent) {
      each.modelTokensBelow = true;
      if (each.isLevel) sameLevel = false;
      if (sameLevel) each.tokensBelow = true;
    }
  }

  /** A span around it that ended first told what was used in it. */
  #toldAround(record: SpanRecord): boolean {
    let sameLevel = !record.isLevel;
    for (let each = record.parent; each; each = each.parent) {
      if (each.isLevel) sameLevel = false;
      const counts = sameLevel || each.kind === "agent.invocation";
      if (counts && each.tokensTold && record.number <= each.newestAtEnd) return true;
    }
    return false;
  }

  /** A model call below that is still open will tell its tokens itself. */
  #modelOpenBelow(record: SpanRecord): boolean {
    // That is what most model calls are, of which very many may be open.
    if (record.isLeaf || !record.life) return false;
    for (const open of record.life.openEvents) {
      if (open.kind !== "agent.model" || open === record) continue;
      for (let each = open.parent; each; each = each.parent) {
        if (each === record) return true;
        if (record.kind !== "agent.invocation" && each.isLevel) break;
      }
    }
    return false;
  }

  #terminate(record: SpanRecord, error: ErrorData | undefined, durationMillis: number, time: number): void {
    const reason = outcomeOf(error);
    if (record.life) record.life.outcome = reason;
    const {
      modelCalls = 0,
      toolCalls = 0,
      failedToolCalls = 0,
      inputTokens = 0,
      outputTokens = 0,
    } = record.tally ?? {};
    this.publish(
      record,
      "agent.terminate",
      {
        reason,
        ...(record.agentName !== undefined && { agentName: record.agentName }),
        durationMillis,
        modelCalls,
        toolCalls,
        failedToolCalls,
        ...(inputTokens + outputTokens > 0 && { inputTokens, outputTokens }),
        ...(error && { error }),
      },
      time,
    );
  }

  /** The raw attributes that the option `attributes` asks for. */
  #attributes(view: SpanView): object | undefined {
    const { carries, content } = this.#settings;
    if (!carries) return undefined;
    // Without a prototype `__proto__` is a name like any other.
    const carried: Record<string, unknown> = Object.create(null);
    for (const name of attempt(() => Object.keys(view.attributes), [])) {
      if (!this.#hub.decide("attributes", () => carries(name), false)) continue;
      const value = attempt(() => view.attributes[name], undefined);
      carried[name] = this.#interpreter.isContent(name) ? content(value) : value;
    }
    return carried;
  }
}

/** The text to remember, one copy with the events of the run. */
function ownText(run: Run, field: string, value: unknown): string | undefined {
  return typeof value === "string" ? run.texts.copy(field, value) : undefined;
}

function outcomeOf(error: ErrorData | undefined): Outcome {
  if (!error) return "completed";
  if (error.type === "AbortError") return "cancelled";
  return error.type === "abandoned" ? "abandoned" : "failed";
}
