import type { BusEvent } from "spanbus";
import { defaultConventions, Interpreter } from "spanbus/conventions";
import type { Made } from "./application.js";

/** What was seen of a span that was an event. */
interface Seen {
  readonly kind: string;
  readonly generation: string;
  readonly parentId: string | undefined;
  /** Its place among the events, and that of its end. */
  readonly startedAs: number;
  endedAs: number;
  end: "none" | "abandoned" | "told";
  tokensTold: boolean;
}

/** A run closed, detached or was dropped. */
export interface Closing {
  readonly generation: string;
  /** The number of events before that. */
  readonly place: number;
  /** That of the application. */
  readonly moment: number;
}

/** How what is around a span may be found. */
interface View {
  readonly parentOf: (id: string) => string | undefined;
  /** An agent or tool that only its end shows was seen to be between before that. */
  readonly seesLate: boolean;
  /** So was one around a span whose own link is lost: what is around that is guessed, and may be further out than it is told. */
  readonly seesGuessed: boolean;
  /** What was forgotten before the span began is still known to be around what was forgotten with it. */
  readonly seesForgotten: boolean;
}

/** What a bus told of the tokens of an application. */
export class TokenAudit {
  readonly complaints: string[] = [];
  readonly #seen = new Map<string, Seen>();
  readonly #told: { readonly spanId: string; readonly inputTokens: number }[] = [];
  /** With the number of those told before. */
  readonly #terminated: { readonly spanId: string; readonly inputTokens: number; readonly told: number }[] = [];
  readonly #made: ReadonlyMap<string, Made>;
  /** By the id of a trace: when the last run closed that went on in it. */
  readonly #quiet: ReadonlyMap<string, readonly Closing[]>;
  /** The tree of the application, and that of the bus, which forgets what is over: as it told it, and as far as that is known. */
  readonly #trees = [
    (id: string) => this.#made.get(id)?.parent?.spanId,
    (id: string) => this.#linkedParent(id),
    (id: string) => this.#seen.get(id)?.parentId,
    (id: string) => this.#likelyParent(id),
  ];
  readonly #views: readonly View[] = this.#trees.flatMap((parentOf) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({
      parentOf,
      seesLate: (bits & 1) === 0,
      seesGuessed: (bits & 2) === 0,
      seesForgotten: (bits & 4) === 0,
    })),
  );
  /** The tree of the bus as it told it. */
  readonly #linked: View = {
    parentOf: (id) => this.#linkedParent(id),
    seesLate: true,
    seesGuessed: true,
    seesForgotten: false,
  };
  readonly #interpreter = new Interpreter(defaultConventions);

  constructor(events: readonly BusEvent[], made: readonly Made[], closings: readonly Closing[]) {
    this.#made = new Map(made.map((each) => [each.spanId, each]));
    this.#quiet = quietIn(events, closings);
    for (const [place, event] of events.entries()) this.#take(event, place);
  }

  #take(event: BusEvent, place: number): void {
    const { id, type, spanId = "", parentSpanId } = event;
    const [, kind, phase] = /^((?:agent\.\w+)|span)\.(started|completed|failed)$/.exec(type) ?? [];
    if (kind !== undefined && phase === "started") {
      const began = { kind, generation: generationOf(id), parentId: parentSpanId, startedAs: place };
      this.#seen.set(spanId, { ...began, endedAs: Number.POSITIVE_INFINITY, end: "none", tokensTold: false });
    }
    const seen = this.#seen.get(spanId);
    if (!seen) return;
    const { error } = event.data as { error?: { type?: unknown } };
    if (kind !== undefined && phase !== "started") {
      seen.end = error?.type === "abandoned" ? "abandoned" : "told";
      seen.endedAs = place;
    }
    if (type === "agent.terminate")
      this.#terminated.push({ spanId, inputTokens: tokensIn(event), told: this.#told.length });
    if (type !== "agent.tokens.used") return;
    this.#told.push({ spanId, inputTokens: tokensIn(event) });
    if (seen.tokensTold) this.complaints.push(`tokens of ${spanId} are told twice`);
    seen.tokensTold = true;
    this.#compare(event);
  }

  #compare({ spanId = "", data }: BusEvent): void {
    const span = this.#made.get(spanId);
    if (!span) return;
    const used = span.tokens;
    const { inputTokens = used, outputTokens = used } = data as { inputTokens?: number; outputTokens?: number };
    if (inputTokens !== used || outputTokens !== used)
      this.complaints.push(`${spanId} used ${used}, and ${inputTokens} + ${outputTokens} are told`);
  }

  /** A span that told its tokens, below one that told the same once more, in the same run and while that was open. */
  findRepeated(): void {
    for (const [spanId, { tokensTold }] of this.#seen) {
      const span = this.#made.get(spanId);
      if (!span || !tokensTold) continue;
      for (const above of this.#tellingAgain(spanId, this.#linked)) {
        const overlaps = span.startedAt < (this.#made.get(above)?.endedAt ?? 0);
        if (this.#seen.get(above)?.tokensTold && overlaps)
          this.complaints.push(`tokens of ${spanId} are told again by ${above} around it`);
      }
    }
  }

  /** A span that ended and had tokens, of which neither it nor one in it nor one around it told any in its run. */
  findLost(): void {
    const spoken = new Set<string>();
    const around = (id: string) => this.#views.flatMap((view) => this.#tellingAgain(id, view));
    for (const [spanId, { tokensTold }] of this.#seen)
      if (tokensTold) for (const id of [spanId, ...around(spanId)]) spoken.add(id);
    for (const [spanId, seen] of this.#seen) {
      const span = this.#made.get(spanId);
      if (!span || seen.end !== "told" || spoken.has(spanId) || !this.#hasTokens(span, seen.kind)) continue;
      if (!around(spanId).some((id) => this.#seen.get(id)?.tokensTold))
        this.complaints.push(`tokens of ${seen.kind} ${spanId} are lost`);
    }
  }

  /** An agent whose total is not what it and the spans below it told in its run so far. */
  findWrongTotals(): void {
    for (const { spanId, inputTokens, told } of this.#terminated) {
      if (!this.#made.has(spanId)) continue;
      const generation = this.#seen.get(spanId)?.generation;
      let least = 0;
      let most = 0;
      for (const each of this.#told.slice(0, told)) {
        if (this.#seen.get(each.spanId)?.generation !== generation) continue;
        const inside = this.#trees.map((parentOf) => isInside(each.spanId, spanId, parentOf));
        if (inside.every(Boolean)) least += each.inputTokens;
        if (inside.some(Boolean)) most += each.inputTokens;
      }
      if (inputTokens < least || inputTokens > most)
        this.complaints.push(`${spanId} terminates with ${inputTokens} tokens, of ${least} to ${most}`);
    }
  }

  /**
   * Between how many calls of models a run counts: all but those around others, with no agent or tool between. One of which it is
   * forgotten what was around it may be taken to be in any other.
   */
  modelCalls(generation: string): { least: number; most: number } {
    const calls = [...this.#seen].filter(([, seen]) => seen.generation === generation && seen.kind === "agent.model");
    const wrappers = this.#views.map((view) => new Set(calls.flatMap(([id]) => this.#callsAround(id, view))));
    const isWrapper = calls.map(([id]) => wrappers.map((each) => each.has(id)));
    const surely = isWrapper.filter((each) => !each.some(Boolean)).length;
    const least = surely - calls.filter(([id]) => this.#isCutOff(id)).length;
    return { least, most: isWrapper.filter((each) => !each.every(Boolean)).length };
  }

  #isCutOff(id: string): boolean {
    for (let each = this.#made.get(id); each?.parent; each = each.parent)
      if (this.#linkedParent(each.spanId) === undefined) return true;
    return false;
  }

  #callsAround(spanId: string, view: View): string[] {
    const calls: string[] = [];
    const { generation } = this.#seen.get(spanId) ?? {};
    for (const { id, isSeen } of this.#around(spanId, view)) {
      const seen = this.#seen.get(id);
      if (seen?.kind === "agent.model" && seen.generation === generation) calls.push(id);
      if (isSeen && (seen?.kind === "agent.invocation" || seen?.kind === "agent.tool")) break;
    }
    return calls;
  }

  /** What is around a span, and whether it was seen to be between that and what is further out. */
  *#around(spanId: string, view: View): Generator<{ id: string; isSeen: boolean }> {
    const { parentOf, seesLate, seesGuessed, seesForgotten } = view;
    const passed = new Set([spanId]);
    let isGuessed = false;
    let inner = spanId;
    for (let last = spanId, id = parentOf(last); id !== undefined && !passed.has(id); last = id, id = parentOf(id)) {
      passed.add(id);
      isGuessed ||= this.#linkedParent(last) !== id;
      if (!seesForgotten && this.#wentTogether(inner, id, spanId)) continue;
      inner = id;
      yield { id, isSeen: (seesLate || !this.#made.get(id)?.isLate) && (seesGuessed || !isGuessed) };
    }
  }

  /** The inner one was forgotten before the span began, and what was around it and over as well. */
  #wentTogether(inner: string, around: string, before: string): boolean {
    const gone = this.#goneWith(inner);
    return gone !== undefined && gone.place <= (this.#seen.get(before)?.startedAs ?? 0) && this.#wasOver(around, gone);
  }

  /** The closing with which it was forgotten: once no run goes on in a trace, what is over or was given up in it is no link. */
  #goneWith(id: string): Closing | undefined {
    const { traceId = "" } = this.#made.get(id)?.span.spanContext() ?? {};
    return this.#quiet.get(traceId)?.find((closing) => this.#wasOver(id, closing));
  }

  #wasOver(id: string, { place, moment }: Closing): boolean {
    const seen = this.#seen.get(id);
    return seen ? seen.endedAs < place : (this.#made.get(id)?.endedAt ?? Number.POSITIVE_INFINITY) <= moment;
  }

  #hasTokens({ span, kind }: Made, as: string): boolean {
    const { attributes } = span as unknown as { attributes: Record<string, unknown> };
    const view = { name: kind.name, scope: kind.scope, attributes };
    const claim = this.#interpreter.classify(view);
    if (!claim || claim.convention !== kind.table || `agent.${claim.operation}` !== as) return false;
    return this.#interpreter.tokens(claim, view) !== undefined;
  }

  /** The spans around it, in its run, that would tell its tokens once more. */
  #tellingAgain(spanId: string, view: View): string[] {
    const found: string[] = [];
    const below = this.#seen.get(spanId);
    if (!below) return found;
    const between = new Set([below.kind]);
    for (const { id, isSeen } of this.#around(spanId, view)) {
      const around = this.#seen.get(id);
      if (around?.generation === below.generation && isSameWork(around.kind, below.kind, between)) found.push(id);
      if (around && isSeen) between.add(around.kind);
    }
    return found;
  }

  /** The span around it, unless the link is lost. */
  #linkedParent(id: string): string | undefined {
    const span = this.#made.get(id);
    return span?.parent && !this.#isForgotten(span.parent, span) ? span.parent.spanId : undefined;
  }

  /** The span around it by the event of its start; what turned out only at its end to be an event may be between. */
  #likelyParent(id: string): string | undefined {
    const linked = this.#linkedParent(id);
    const seen = this.#seen.get(id);
    if (!seen || linked === undefined) return linked ?? seen?.parentId;
    const isBetween = !this.#seen.has(linked) || this.#made.get(linked)?.isLate;
    return isBetween ? linked : seen.parentId;
  }

  /**
   * A span is forgotten when no run goes on in its trace any more, and one that is no event and began below none that was open
   * when it ends: nobody is found below it later.
   */
  #isForgotten(span: Made, child: Made): boolean {
    const gone = this.#goneWith(span.spanId);
    if (gone && gone.moment < child.startedAt) return true;
    if (child.startedAt < span.endedAt || this.#seen.has(span.spanId)) return false;
    for (let each = span.parent; each; each = each.parent)
      if (this.#seen.has(each.spanId) && !each.isLate && span.startedAt < each.endedAt) return false;
    return true;
  }
}

/** By the id of a trace: when the last run closed that had events from it. */
function quietIn(events: readonly BusEvent[], closings: readonly Closing[]): Map<string, Closing[]> {
  const quiet = new Map<string, Closing[]>();
  const open = new Map<string, Set<string>>();
  let taken = 0;
  for (const closing of closings) {
    const { generation, place } = closing;
    for (; taken < place; taken += 1) {
      const { id, traceId } = events[taken] as BusEvent;
      if (traceId === undefined) continue;
      const runs = open.get(traceId) ?? new Set();
      open.set(traceId, runs.add(generationOf(id)));
    }
    for (const [traceId, runs] of open)
      if (runs.delete(generation) && runs.size === 0) quiet.set(traceId, [...(quiet.get(traceId) ?? []), closing]);
  }
  return quiet;
}

function generationOf(id: string): string {
  return id.slice(0, id.lastIndexOf("."));
}

function isInside(spanId: string, around: string, parentOf: (id: string) => string | undefined): boolean {
  const passed = new Set<string>();
  for (let id: string | undefined = spanId; id !== undefined && !passed.has(id); id = parentOf(id)) {
    if (id === around) return true;
    passed.add(id);
  }
  return false;
}

function tokensIn({ data }: BusEvent): number {
  return (data as { inputTokens?: number }).inputTokens ?? 0;
}

/** Agents sum up what is below; only what other agents did is theirs, where a tool called them. Else it is one level. */
function isSameWork(around: string, below: string, between: ReadonlySet<string>): boolean {
  const isLevelBetween = between.has("agent.invocation") || between.has("agent.tool");
  if ([around, below].includes("agent.embedding")) return around === below && !isLevelBetween;
  if (around === "agent.invocation") return below !== "agent.invocation" || !between.has("agent.tool");
  return !isLevelBetween;
}
