import { attempt } from "../bus/attempt.js";
import type { ErrorData, Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { sharedFields } from "../conventions/event-fields.js";
import type { EndedSpanView, Interpreter, Reading, SpanView } from "../conventions/index.js";
import { beyond, tellsAgain, tokenRole } from "./below.js";
import type { Chunks } from "./chunks.js";
import type { RunLife } from "./run-life.js";
import { type EventKind, type HeldTokens, type SpanRecord, typesOf } from "./span-record.js";

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
    record.toolName = ownText(run, "toolName", data["toolName"]);
    record.becomes(kind, ownText(run, "agentName", data["agentName"]));
    if (record.agentName !== undefined && kind !== "span") data["agentName"] = record.agentName;
    record.inputTold = data["input"] !== undefined || data["arguments"] !== undefined;
    const model = kind === "agent.step" ? reading.value("model") : (data["model"] ?? modelAround(record, kind));
    record.model = ownText(run, "model", model);
    if (record.model !== undefined && kind === "agent.model") data["model"] = record.model;
    record.told = toldOf(record, run, data);
    return { data, counted: record.joinCall(), attributes };
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
    if (record.model !== undefined && kind !== "agent.step") data["model"] = record.model;
    const error = this.#interpreter.failure(claim, view);
    this.#finish(record, data, error, endTime, reading && usedBy(record, reading, data), this.#attributes(view));
  }

  /** The span is given up: it failed as `abandoned`. */
  abandoned(record: SpanRecord, now: number): void {
    const data: Record<string, unknown> = record.kind === "span" ? { name: record.name } : { ...record.told };
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
    const event = this.#chunks.publish(run, input, { counted, owned: true });
    if (!event || !counted) return;
    // What is around the outermost agent may turn out at its end to be one, too.
    for (let each = record.outermost ?? record.parent; each; each = each.parent)
      if (each.tallyIn(run)?.add(event) === false) return;
  }

  #finish(
    record: SpanRecord,
    data: Record<string, unknown>,
    error: ErrorData | undefined,
    endTime: number,
    tokens?: object,
    attributes?: object,
  ): void {
    const durationMillis = Math.max(0, endTime - record.startTime);
    data["durationMillis"] = durationMillis;
    if (error) data["error"] = error;
    const { failed, completed } = typesOf[record.kind ?? "span"];
    if (record.run) {
      this.#chunks.flush(record.run);
      // Who hears of what waited may close the run, and the span was given up.
      if (!record.open) return;
      record.endsBehind = record.run.seq;
    }
    this.publish(record, error ? failed : completed, data, endTime, !record.wraps, attributes);
    const isOutermost = record.outermost === record;
    if (record.life?.holding && (isOutermost || record.kind === "agent.invocation")) this.tellHeld(record.life, record);
    if (tokens) this.#tokens(record, { data: tokens, time: endTime });
    if (record.life?.holding?.size) this.#tellAround(record);
    if (isOutermost) this.#terminate(record, error, durationMillis, endTime);
  }

  /** Tokens are told by the deepest span that has them; by an agent only when no model below it told any. */
  #tokens(record: SpanRecord, used: HeldTokens): void {
    const { life } = record;
    if (!life || !this.#waits(record)) return this.#tell(record, used);
    record.heldTokens = used;
    life.holding ??= new Set();
    life.holding.add(record);
  }

  #tell(record: SpanRecord, { data, time }: HeldTokens): void {
    const { run, kind } = record;
    if (!run || !kind || record.tokensBelow || toldAround(record)) return;
    record.tokensTold = true;
    this.publish(record, "agent.tokens.used", data, time);
    const role = tokenRole(kind);
    let between = beyond("nothing", kind);
    for (let each = record.parent; each; each = each.parent) {
      const below = each.belowIn(run);
      if (below) below.told(role, between);
      else if (each.run === run && each.kind && tellsAgain(tokenRole(each.kind), role, between))
        each.tokensBelow = true;
      between = beyond(between, each.kind);
    }
  }

  /** A call below is open that may tell its tokens itself. An agent waits for none: `agent.terminate` adds up. */
  #waits(record: SpanRecord): boolean {
    // A leaf is what most model calls are, of which very many may be open.
    if (record.isLeaf || record.kind === "agent.invocation" || !record.life) return false;
    for (const open of record.life.openEvents) {
      const isOver = open.endsBehind < Number.POSITIVE_INFINITY;
      if (isOver || !open.claim || !this.#interpreter.countsTokens(open.claim)) continue;
      if (findTellingAgain(open, (around) => around === record)) return true;
    }
    return false;
  }

  /** What calls hold back is told: of those in an agent that is over, or of all in a run that is. Deepest first. */
  tellHeld(life: RunLife, agent?: SpanRecord): void {
    const holding = [...(life.holding ?? [])].sort((one, other) => other.number - one.number);
    for (const record of holding) if (!agent || record.isBelow(agent)) this.#tellNow(record);
  }

  /** A call is over: those around it that waited for it alone wait no more. */
  #tellAround(record: SpanRecord): void {
    for (let each = record.parent; each; each = each.parent)
      if (each.heldTokens && !this.#waits(each)) this.#tellNow(each);
  }

  #tellNow(record: SpanRecord): void {
    const { heldTokens, life } = record;
    record.heldTokens = undefined;
    life?.holding?.delete(record);
    if (heldTokens) this.#tell(record, heldTokens);
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

/** Data of `agent.tokens.used`, if the span says what was used. */
function usedBy(record: SpanRecord, reading: Reading, data: Record<string, unknown>): object | undefined {
  const tokens = reading.tokens();
  if (!tokens) return undefined;
  const { agentName } = record;
  // The row of its own end has no place for them, if it is no call of a model but counts for some.
  const model = data["model"] ?? reading.value("model");
  const provider = data["provider"] ?? reading.value("provider");
  return {
    ...(model !== undefined && { model }),
    ...(provider !== undefined && { provider }),
    ...(agentName !== undefined && { agentName }),
    ...tokens,
  };
}

/** A span around it that ended first told what was used in it. */
function toldAround(record: SpanRecord): boolean {
  const told = findTellingAgain(record, (each) => each.tokensTold && (each.open || record.number <= each.newestAtEnd));
  return told !== undefined;
}

/** The nearest such span around it, in its run, of those that would tell its tokens once more. */
function findTellingAgain(record: SpanRecord, isSuch: (around: SpanRecord) => boolean): SpanRecord | undefined {
  const { kind, run } = record;
  if (!kind) return undefined;
  const role = tokenRole(kind);
  let between = beyond("nothing", kind);
  for (let each = record.parent; each; each = each.parent) {
    if (each.run === run && each.kind && isSuch(each) && tellsAgain(tokenRole(each.kind), role, between)) return each;
    between = beyond(between, each.kind);
  }
  return undefined;
}

/** What the start says and the end repeats, if anything. */
function toldOf({ claim }: SpanRecord, run: Run, data: Readonly<Record<string, unknown>>): SpanRecord["told"] {
  let told: Record<string, unknown> | undefined;
  for (const field of claim ? sharedFields(claim.operation) : []) {
    const value = data[field];
    if (value === undefined) continue;
    told ??= {};
    told[field] = ownText(run, field, value) ?? value;
  }
  return told;
}

/** That of the step in which a model is called, where the call itself names none. */
function modelAround({ parent }: SpanRecord, kind: EventKind): string | undefined {
  if (kind !== "agent.model") return undefined;
  for (let each = parent; each?.kind === "agent.step"; each = each.parent)
    if (each.model !== undefined) return each.model;
  return undefined;
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
