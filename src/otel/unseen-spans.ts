import { flat } from "../bus/bounded-json.js";
import { isLevel } from "./below.js";
import { type EventKind, SpanRecord } from "./span-record.js";
import type { Trace } from "./trace-table.js";

/** So many are remembered in one trace. */
const MAX_UNSEEN = 64;

/** The place of a span that nobody saw. */
interface Unseen {
  readonly place: SpanRecord;
  /** What is around it is only what was open when spans began below it. */
  isGuess: boolean;
}

/**
 * The spans of a trace that are around others and that nobody saw: they began before the bus was attached, or are not recorded.
 * Each keeps a place in the tree, where what happens below is counted: its end may still be seen, and shows what it was.
 */
export class UnseenSpans {
  readonly #trace: Trace;
  readonly #byId = new Map<string, Unseen>();

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** The place of the span, if there is one. */
  at(spanId: string): SpanRecord | undefined {
    return this.#byId.get(spanId)?.place;
  }

  /**
   * Keeps the place of a span of this process that nobody saw: its end may still be seen. What stands in for it as a span
   * begins below, `standIn`, is taken to be around it, or is in what is.
   */
  keep(spanId: string, standIn: SpanRecord | undefined): SpanRecord {
    const known = this.#byId.get(spanId);
    if (known) {
      if (known.isGuess) this.#guessBetter(known, standIn);
      return known.place;
    }
    const origin = {
      trace: this.#trace,
      spanId: flat(spanId),
      parent: standIn,
      remoteParentId: undefined,
      sealedIn: undefined,
      ownBinding: undefined,
      acceptedRunId: undefined,
    };
    const place = new SpanRecord({ ...origin, name: "", scope: "", startTime: 0, order: 0, number: 0 });
    if (this.#byId.size >= MAX_UNSEEN) this.#forgetOldest();
    this.#byId.set(place.spanId, { place, isGuess: true });
    return place;
  }

  /**
   * The place of the span around one that begins now: none where nothing could stand in for it, since what is open is of several
   * runs, and something did before. Who is told to be in nothing must not count in that.
   */
  around(spanId: string, standIn: SpanRecord | undefined): SpanRecord | undefined {
    const place = this.keep(spanId, standIn);
    return standIn || !this.#isGuessed(place) ? place : undefined;
  }

  /** Whether an open event is only taken to be around the place. */
  #isGuessed(place: SpanRecord): boolean {
    let isGuess = false;
    for (let each: SpanRecord | undefined = place; each; each = each.parent) {
      if (isGuess && each.open && each.kind) return true;
      const unseen = this.#byId.get(each.spanId);
      isGuess ||= unseen?.place === each && unseen.isGuess;
    }
    return false;
  }

  /** What is over is not around it, nor what is not around all that stood in for it. */
  #guessBetter({ place }: Unseen, standIn: SpanRecord | undefined): void {
    const isFree = !standIn || standIn.isBelow(place);
    let around = place.parent;
    while (around && !(around.open && (isFree || standIn === around || standIn.isBelow(around))))
      around = around.parent;
    if (around === place.parent) return;
    for (const { run } of this.#trace.lives) place.takeBack(run, around);
    place.parent = around;
  }

  /** What is below it has a short way to the agent or tool around, however many such places were between. */
  #forgetOldest(): void {
    const [oldest] = this.#byId.values();
    if (!oldest) return;
    const { place } = oldest;
    while (place.parent && !isLevel(place.parent.kind)) place.parent = place.parent.parent;
    this.#byId.delete(place.spanId);
  }

  /** Whether a span is below the one of this id, which nobody saw so far. */
  isIn(record: SpanRecord, spanId: string): boolean {
    const place = this.at(spanId);
    return place !== undefined && record.isBelow(place);
  }

  /** What stood in around a place was none if it is in the span of this id, which has the place in it. False for its own place. */
  keepApart(place: SpanRecord, spanId: string): boolean {
    if (!this.isIn(place, spanId)) return place.spanId !== spanId;
    const unseen = this.#byId.get(place.spanId);
    if (unseen?.place === place) this.#standAlone(unseen);
    return true;
  }

  /** The span is seen at its end, and is an event of this kind: it takes its place. */
  takePlace(record: SpanRecord, kind: EventKind | undefined): void {
    const unseen = this.#byId.get(record.spanId);
    if (!unseen) return;
    this.#standAlone(unseen);
    this.#byId.delete(record.spanId);
    record.takePlaceOf(unseen.place);
    for (const { run } of this.#trace.lives) record.handUp(run, kind);
  }

  /** The span is seen at its end, and is no event: what is around it, if anything is, is around what was seen below it. */
  pass(spanId: string, parentId: string | undefined): void {
    const unseen = this.#byId.get(spanId);
    if (!unseen) return;
    const known = parentId === undefined ? undefined : this.#trace.spans.get(parentId);
    const around = parentId === undefined ? undefined : (known ?? this.keep(parentId, undefined));
    const isApart = !around || (known ? !this.isIn(known, spanId) : this.keepApart(around, spanId));
    this.#standAlone(unseen);
    if (!around || !isApart) return;
    const { place } = unseen;
    place.parent = around;
    around.isLeaf = false;
    for (const { run } of this.#trace.lives) place.handUp(run, undefined);
    unseen.isGuess = false;
  }

  /** Nothing is around it any more, and what is below it counts nowhere else. */
  #standAlone(unseen: Unseen): void {
    for (const { run } of this.#trace.lives) unseen.place.takeBack(run);
    unseen.place.parent = undefined;
  }
}
