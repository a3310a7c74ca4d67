import { flat } from "../bus/bounded-json.js";
import { operations } from "../bus/catalogue.js";
import type { Operation } from "../bus/event.js";
import { RecencyNode } from "../bus/recency-list.js";
import type { Run } from "../bus/run.js";
import { Tally } from "../bus/tally.js";
import type { Claim } from "../conventions/index.js";
import { Below, isLevel, tokenRole } from "./below.js";
import type { Binding } from "./binding.js";
import type { RunLife, RunScope } from "./run-life.js";
import type { Trace } from "./trace-table.js";

/** What a span is to the bus: `agent.<operation>`, or `span` where `include` asked for it. */
export type EventKind = `agent.${Operation}` | "span";

/** The kind of span that does this. Made once, like the types below: joining texts for every span costs more than looking. */
export const kindOf = Object.fromEntries(
  Object.keys(operations).map((operation) => [operation, `agent.${operation}`]),
) as { readonly [O in Operation]: `agent.${O}` };

/** What a convention knows a span as, unless that is nothing of its own. */
export type SpanClaim = Claim & { readonly operation: Exclude<Claim["operation"], "ignored"> };

export function isOfItsOwn(claim: Claim): claim is SpanClaim {
  return claim.operation !== "ignored";
}

/** The types of the events of one kind of span. */
export interface EventTypes {
  readonly started: string;
  readonly completed: string;
  readonly failed: string;
}

export const typesOf = Object.fromEntries(
  [...Object.values(kindOf), "span"].map((kind) => [
    kind,
    { started: `${kind}.started`, completed: `${kind}.completed`, failed: `${kind}.failed` },
  ]),
) as Readonly<Record<EventKind, EventTypes>>;

export interface SpanOrigin {
  readonly trace: Trace;
  readonly spanId: string;
  /** The span around it, or the event that stands in for what nobody saw. */
  readonly parent: SpanRecord | undefined;
  /** The place of the span around it, if that is one that nobody saw. */
  readonly unseenParent?: SpanRecord | undefined;
  readonly remoteParentId: string | undefined;
  readonly sealedIn: string | undefined;
  readonly name: string;
  readonly scope: string;
  readonly startTime: number;
  readonly ownBinding: Binding | undefined;
  readonly acceptedRunId: string | undefined;
  readonly order: number;
  readonly number: number;
}

/** Data of `agent.tokens.used`, and the time of the end that says it. */
export interface HeldTokens {
  readonly data: object;
  readonly time: number;
}

/** What the bus remembers of a span: plain facts, never the span itself. */
export class SpanRecord {
  readonly trace: Trace;
  readonly spanId: string;
  /** No span of this process is around it. */
  readonly isLocalRoot: boolean;
  /** The `bus.run` under which the span around it began. */
  readonly scopeAround: RunScope | undefined;
  /** The parent in another process, its own or that of the ancestor that came from there. */
  readonly remoteParentId: string | undefined;
  /** The name at the start, which conventions match. */
  readonly name: string;
  readonly scope: string;
  /** Milliseconds since the Unix epoch. */
  readonly startTime: number;
  /** The binding of the context it started in. */
  readonly ownBinding: Binding | undefined;
  /** The run id that came with baggage in that context, where that is accepted. */
  readonly acceptedRunId: string | undefined;
  /** The binding of the context, or what the span around it hands on. */
  readonly binding: Binding | undefined;
  /** The topmost span of this process around it. */
  readonly root: SpanRecord;
  /** Of a root: its place in the order of the process. */
  readonly order: number;
  /** Its place in the order in which the bus saw spans begin. */
  readonly number: number;
  /** The span around it: it may turn out at its end to be an event. */
  parent: SpanRecord | undefined;
  /** The nearest span around it that was an event when it began. */
  eventParent: SpanRecord | undefined;

  /** Its place among the open spans, later among the ended ones. */
  readonly place = new RecencyNode<SpanRecord>(this);
  open = true;
  /** While its start is being published: seq of the event of its run before that. */
  startsBehind = -1;
  /** Seq of the latest event of its run when it began to end. */
  endsBehind = Number.POSITIVE_INFINITY;
  givenUp = false;
  /** No span began below it. */
  isLeaf = true;
  claim: SpanClaim | undefined;
  /** Set when it is an event. */
  kind: EventKind | undefined;
  run: Run | undefined;
  /** Id of the sealed run that it would be in, by itself or by what is around it: it is refused, and so is what is below. */
  refusedIn: string | undefined;
  life: RunLife | undefined;
  /** The `bus.run` under which it began. */
  runScope: RunScope | undefined;
  agentName: string | undefined;
  model: string | undefined;
  toolName: string | undefined;
  /** What its start said and an end that nobody tells will say as well. */
  told: Readonly<Record<string, unknown>> | undefined;
  /** The outermost agent around it, possibly itself, and what that adds up to. */
  outermost: SpanRecord | undefined;
  tally: Tally | undefined;
  /** What went in was told at the start, so the end does not say it again. */
  inputTold = false;
  /** A span of the same operation directly below does the work: that one is counted. */
  wraps = false;
  /** What it would tell of tokens was told below it. */
  tokensBelow = false;
  /** It told its tokens. */
  tokensTold = false;
  /** The tokens that it will tell unless a call below does, which is still open. */
  heldTokens: HeldTokens | undefined;
  /** Of one that ended: the number of the newest span at that time. */
  newestAtEnd = 0;
  firstChunkSeen = false;
  /** Attributes seen being set, in case the SDK drops them. */
  late: Record<string, unknown> | undefined;
  /** Span events already published, counted from the first. */
  spanEventsSeen = 0;
  exception: { type?: string; message?: string } | undefined;
  /** How often each name came as span event and as log. */
  named: Map<string, { span: number; log: number }> | undefined;
  /** What happened below it in each run, while only its end may show what it is. */
  #below: WeakMap<Run, Below> | undefined;

  constructor(origin: SpanOrigin) {
    const { trace, parent } = origin;
    this.trace = trace;
    this.spanId = origin.spanId;
    this.isLocalRoot = parent === undefined;
    this.scopeAround = parent?.runScope;
    this.remoteParentId = origin.remoteParentId === undefined ? parent?.remoteParentId : flat(origin.remoteParentId);
    this.name = origin.name;
    this.scope = origin.scope;
    this.startTime = origin.startTime;
    this.ownBinding = origin.ownBinding;
    this.acceptedRunId = origin.acceptedRunId;
    this.binding = origin.ownBinding ?? parent?.binding;
    this.order = origin.order;
    this.number = origin.number;
    this.root = parent?.root ?? this;
    this.parent = origin.unseenParent ?? parent;
    if (this.parent) this.parent.isLeaf = false;
    this.eventParent = parent?.kind ? parent : parent?.eventParent;
    this.refusedIn = parent?.kind ? undefined : (origin.sealedIn ?? parent?.refusedIn);
  }

  /** Its run, or that of the nearest event around it. */
  get runAround(): Run | undefined {
    return this.run ?? this.eventParent?.run;
  }

  /** Id of the sealed run in which it stands. */
  get sealedIn(): string | undefined {
    if (this.refusedIn !== undefined) return this.refusedIn;
    const run = this.runAround;
    return run?.state === "closed" ? run.id : undefined;
  }

  get isAgent(): boolean {
    return this.kind === "agent.invocation" || this.kind === "agent.workflow";
  }

  /** Id of the nearest span around it that is an event, also in another process. */
  get parentSpanId(): string | undefined {
    return this.eventParent?.spanId ?? this.remoteParentId;
  }

  /** Keys of its events. */
  get ids(): { traceId: string; spanId: string; parentSpanId: string | undefined } {
    return { traceId: this.trace.id, spanId: this.spanId, parentSpanId: this.parentSpanId };
  }

  /** Nobody asks for it any more but the spans below it, which shall not hold all that was ever around, but what is still open. */
  forget(): void {
    while (this.parent?.open === false) this.parent = this.parent.parent;
    this.eventParent = undefined;
  }

  /** What is around it may have turned out to be an event since it began. */
  lookAround(): void {
    let each = this.parent;
    while (each && !each.kind) each = each.parent;
    // What fell out of the bounds between is in no chain any more.
    if (each && each.number > (this.eventParent?.number ?? 0)) this.eventParent = each;
  }

  /** Takes its place in the tree of its run, once it is known to be an event. */
  becomes(kind: EventKind, agentName: string | undefined): void {
    this.kind = kind;
    const around = this.#nearestOfRun;
    this.agentName = kind === "agent.invocation" ? agentName : (this.eventParent?.agentName ?? agentName);
    this.outermost = around?.outermost;
    const below = this.run && this.#below?.get(this.run);
    this.#below = undefined;
    if (below) {
      this.tokensBelow = below.hasTold(tokenRole(kind));
      this.wraps = below.hasBegun(kind, this.toolName);
    }
    if (!this.outermost && this.isAgent) {
      this.outermost = this;
      this.tally = below ?? new Tally();
    }
  }

  /** Whether it is anywhere below the other. */
  isBelow(other: SpanRecord): boolean {
    let each = this.parent;
    while (each && each !== other) each = each.parent;
    return each !== undefined;
  }

  /** Whether it may still turn out what it is. */
  get isUndecided(): boolean {
    return this.open && this.claim === undefined;
  }

  /** What happened below it in a run, if it is undecided: it may turn out to be an event of that run. */
  belowIn(run: Run): Below | undefined {
    if (!this.isUndecided) return undefined;
    this.#below ??= new WeakMap();
    let below = this.#below.get(run);
    if (!below) {
      below = new Below();
      this.#below.set(run, below);
    }
    return below;
  }

  /** Below it is what was seen below the other, which only kept its place. */
  takePlaceOf(other: SpanRecord): void {
    this.#below = other.#below;
    this.isLeaf = other.isLeaf;
    other.open = false;
    other.parent = this;
  }

  /** What was seen below it, a span of this kind, is also below all that is around it. */
  handUp(run: Run, kind: EventKind | undefined): void {
    let below = this.#below?.get(run)?.beyond(kind);
    for (let each = this.parent; below && each; each = each.parent) {
      each.belowIn(run)?.join(below);
      below = below.beyond(each.kind);
    }
  }

  /** What was seen below it is counted no more in what was taken to be around it, below `upTo`. That it was told below that stays. */
  takeBack(run: Run, upTo?: SpanRecord): void {
    const below = this.#below?.get(run);
    for (let each = this.parent; below && each && each !== upTo; each = each.parent) each.belowIn(run)?.subtract(below);
  }

  /** What keeps count of the events below it in a run: the outermost agent, or one that may turn out to be it. */
  tallyIn(run: Run): Tally | undefined {
    return this.run === run && this.kind !== "span" ? this.tally : this.belowIn(run);
  }

  /**
   * Finds its place among the spans of one call that are in each other, with no agent and no other tool between: the
   * deepest one is counted, and takes over from the first one around it. Says whether the call counts once more.
   */
  joinCall(): boolean {
    const { kind, run, toolName } = this;
    if (!run || (kind !== "agent.model" && kind !== "agent.tool")) return true;
    for (let each = this.parent; each; each = each.parent) {
      if (each.kind === kind && each.run === run && each.toolName === toolName) {
        // Who did its work already took over before.
        const counts = each.wraps && !this.wraps;
        each.wraps = true;
        return counts;
      }
      if (isLevel(each.kind)) break;
      each.belowIn(run)?.began(kind, toolName);
    }
    return !this.wraps;
  }

  /** The nearest event around it of its own run: spans of another run may be between. */
  get #nearestOfRun(): SpanRecord | undefined {
    let each = this.eventParent;
    while (each && each.run !== this.run) each = each.eventParent;
    return each;
  }
}
