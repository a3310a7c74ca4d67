import { getEventListeners } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { type Context, context, type Span, type Tracer } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { type BusEvent, EventBus, type EventDraft, type Subscription } from "spanbus";
import { expect, vi } from "vitest";
import { settle } from "../bus/support.js";
import { HubModel, type Limits } from "./hub-model.js";
import { type Ask, type ModelReader, scopeOf } from "./model-reader.js";
import { type Binding, type Call, type Here, type Item, isTouchy, type ModelSpan, type Note } from "./model-run.js";

/** A trick as the bus plays it: the first callback that sees the event does it. */
export interface Played {
  readonly by: "redact" | "where" | "tap";
  readonly how: "acts" | "throws" | "promises" | "withholds";
  onBus(): void;
  onBusDone: boolean;
  inModelDone: boolean;
}

interface Read {
  answer?: readonly BusEvent[] | "done";
}

/** A reader of the bus and what is seen of it. */
interface Witnessed {
  readonly reader: Subscription;
  end?: unknown;
}

/** A call of `run` whose promise is still open. */
interface Pending {
  readonly binding: Binding;
  settle(outcome: "completed" | "failed" | "cancelled"): void;
}

/** Abort signals that readers share. */
export const SIGNALS = 12;

/** What a callback publishes that plays a trick. */
export const TRICK_NOTE = { type: "note", data: { prank: true } } as const;

/** A bus and its model, to which the same is done. */
export class World {
  readonly model: HubModel;
  readonly bus: EventBus;
  readonly readers: Witnessed[] = [];
  readonly signals = Array.from({ length: SIGNALS }, () => new AbortController());
  readonly heard: (BusEvent | string)[][] = [];
  readonly taps: { close(): void }[] = [];
  readonly contexts: { readonly context: Context; readonly here: Here }[] = [];
  /** Headers that were sent to other processes, and the spans that came of it. */
  readonly sent: Record<string, string>[] = [];
  readonly spans: { readonly span: Span; readonly inModel: ModelSpan | undefined; readonly call: Call }[] = [];
  readonly tracer: Tracer;
  requests = 0;
  readonly pending: Pending[] = [];
  readonly tricks: Played[] = [];
  /** Ids of the events of each run, to resume from. */
  readonly ids = new Map<string, readonly string[]>();
  notes = 0;
  /** Acts performed. */
  acts = 0;
  #reads: { readonly want: Ask; readonly got: Read }[] = [];
  readonly #generations = new Set<string>();
  /** Runs of which something was told since time went on, in order. */
  readonly #told: string[] = [];
  /** How often what happened, so that a test can tell whether it tried what it should. */
  readonly seen: Map<string, number>;
  readonly #scale = new EventBus({ historyPerRun: 1, maxRuns: 1, transient: [] });

  constructor(limits: Limits, seen: Map<string, number>) {
    this.seen = seen;
    this.model = new HubModel(limits, (note) => this.#weigh(note));
    this.bus = new EventBus({ ...limits, acceptRemoteRun: true, redact: (draft) => this.#redact(draft) as never });
    this.tracer = new BasicTracerProvider({ spanProcessors: [this.bus] }).getTracer("world");
    this.bus.tap({ closed: ({ runId }) => void this.#told.push(runId) });
  }

  // ── what callbacks do ─────────────────────────────────────────────────────────────────────────────────────────────

  #trickOf({ data }: { readonly data: object }, by: Played["by"]): Played | undefined {
    const { trick, toolCallId = trick } = data as { trick?: number; toolCallId?: string };
    const played = toolCallId === undefined ? undefined : this.tricks[Number(toolCallId)];
    return played?.by === by ? played : undefined;
  }

  #play(played: Played): void {
    if (played.onBusDone) return;
    played.onBusDone = true;
    played.onBus();
  }

  #redact(draft: EventDraft): unknown {
    this.#told.push(draft.runId);
    const played = this.#trickOf(draft, "redact");
    if (!played) return draft;
    this.#play(played);
    if (played.how === "throws") throw new Error("redact");
    if (played.how === "promises") return Promise.reject(new Error("redact"));
    return played.how === "withholds" ? undefined : draft;
  }

  where(event: BusEvent, verdict: (data: Readonly<Record<string, unknown>>) => boolean | "throws"): boolean {
    const played = this.#trickOf(event, "where");
    if (played) this.#play(played);
    const answer = verdict(event.data as never);
    if (answer === "throws") throw new Error("where");
    return answer;
  }

  tap(touchy: boolean): void {
    const heard: (BusEvent | string)[] = [];
    this.heard.push(heard);
    this.model.taps.push({ heard: [], touchy, on: true });
    const tap = this.bus.tap({
      opened: ({ runId }) => void heard.push(`opened ${runId}`),
      closed: ({ runId, outcome }) => void heard.push(`closed ${runId} ${outcome}`),
      event: (event) => {
        heard.push(event);
        const played = this.#trickOf(event, "tap");
        if (played) this.#play(played);
        if (touchy && isTouchy(event.data as never)) throw new Error("tap");
      },
    });
    this.taps.push(tap);
  }

  // ── what both do ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the event takes of the history. Its JSON is never longer. */
  #weigh({ runId, type, data }: Note): number {
    const event = this.#scale.publish({ runId, type, data });
    const { historyBytes } = this.#scale.stats({ depths: false });
    if (event) {
      const bytes = Buffer.byteLength(JSON.stringify(event));
      if (bytes > historyBytes) throw new Error(`the event takes ${bytes} bytes, and ${historyBytes} are counted`);
    }
    return historyBytes;
  }

  /** Takes note of a reader that both have now, or that both turned away. */
  attach(subscribe: () => Subscription): void {
    let reader: Subscription | undefined;
    try {
      reader = subscribe();
    } catch (error) {
      expect(error).toMatchObject({ code: "SPANBUS_SUBSCRIBER_LIMIT" });
    }
    if (!reader) return;
    const witnessed: Witnessed = { reader };
    this.readers.push(witnessed);
    // Some ask for it at once, some at the very end.
    if (this.readers.length % 2 === 0) this.#watchEnd(witnessed);
  }

  #watchEnd(witnessed: Witnessed): void {
    witnessed.reader.ended.then((end) => {
      witnessed.end = end;
    });
  }

  ask(index: number, batch: boolean): void {
    const reader = this.readers[index]?.reader;
    const model = this.model.readers[index];
    if (!reader || !model) return;
    const want = this.model.ask(model, batch);
    const got: Read = {};
    this.#reads.push({ want, got });
    const next = batch ? reader.batches().next() : reader.next();
    next.then(({ done, value }) => {
      got.answer = done ? "done" : batch ? (value as readonly BusEvent[]) : [value as BusEvent];
    });
  }

  /** Does it where the code now stands, and takes note of that place, which may leak. */
  enter(here: Here, act: () => void): void {
    this.contexts.push({ context: context.active(), here });
    this.#same(this.bus.currentRunId(), here.binding?.runId ?? here.request?.runId);
    this.within(here, act);
  }

  bind(binding: Binding, act: () => void): void {
    this.enter({ binding, request: this.model.here.request }, act);
  }

  within(here: Here, act: () => void): void {
    const outer = this.model.here;
    this.model.here = here;
    try {
      act();
    } finally {
      this.model.here = outer;
    }
  }

  /** One or more microtasks go by. */
  async turn(all: boolean): Promise<void> {
    await Promise.resolve();
    this.model.turn();
    this.check();
    if (!all) return;
    await settle();
    this.checkReads();
  }

  /** Time goes by, from one moment at which something is due to the next. */
  async pass(millis: number): Promise<void> {
    const { model } = this;
    await this.turn(true);
    const end = model.now + millis;
    while (model.now < end || model.nextDue <= end) {
      const next = Math.min(end, Math.max(model.now, model.nextDue));
      const due = next === model.nextDue;
      this.#told.length = 0;
      vi.advanceTimersByTime(next - model.now);
      model.now = next;
      if (due) model.ring(this.#told);
      this.check();
      await this.turn(true);
    }
  }

  // ── comparison ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** All that can be seen at once. */
  check(): void {
    this.#learn();
    const { model, bus } = this;
    this.#same(bus.stats({ details: true }), this.#stats());
    for (const run of model.runs.values()) {
      this.#sameItems(
        bus.history(run.id),
        run.kept.map(({ item }) => item),
      );
      const info = bus.runInfo(run.id);
      if (run.seq === 0) this.#same(info, undefined);
      else
        this.#same(
          [
            info?.state,
            info?.outcome,
            info?.events,
            info?.subscribers,
            info?.openSpans,
            info?.parentRunId,
            info?.owned,
          ],
          [
            run.state === "detached" ? "closed" : run.state,
            run.outcome,
            run.seq,
            model.readersOf(run).length,
            run.spans.length,
            run.parentRunId,
            model.owned(run),
          ],
        );
    }
    const listed = new Set([...model.open, ...model.retained].map(({ id }) => id));
    const runs = bus.runs();
    this.#same(runs.map(({ runId }) => runId).sort(), [...listed].sort());
    const activity = runs.map(({ runId }) => model.runs.get(runId)?.lastPublished ?? 0);
    this.#same(
      activity,
      [...activity].sort((a, b) => b - a),
    );
    for (const [index, { reader }] of this.readers.entries()) {
      const want = model.readers[index] as ModelReader;
      const { dropped, size, caughtUp, lastId } = reader;
      if (typeof want.last === "object" && lastId) want.last.run.generation ??= generationOf(lastId);
      const last = typeof want.last === "string" ? want.last : want.last && idOf(want.last);
      this.#same(
        { index, dropped, size, caughtUp, lastId },
        { index, dropped: want.dropped, size: want.waiting, caughtUp: want.end ? true : want.caughtUp, lastId: last },
      );
      // The equation of the contract, on the model: what the bus says is equal to it.
      if (!want.end) this.#same(want.received + want.dropped + want.waiting, want.owed);
    }
    for (const [index, heard] of this.heard.entries()) {
      const want = model.taps[index]?.heard.splice(0) ?? [];
      const got = heard.splice(0);
      this.#same(got.length, want.length);
      for (const [place, each] of got.entries()) {
        const item = want[place];
        if (typeof each === "string" || typeof item === "string") this.#same(each, item);
        else if (item) this.#sameItems([each], [item]);
      }
    }
    for (const { onBusDone, inModelDone } of this.tricks) this.#same(onBusDone, inModelDone);
  }

  /** What was read, and who ended how; nothing is on its way any more. */
  checkReads(): void {
    this.#learn();
    this.#reads = this.#reads.filter(({ want, got }) => {
      if (want.answer === undefined || got.answer === undefined || want.answer === "done" || got.answer === "done")
        this.#same(shown(got.answer), shown(want.answer));
      else this.#sameItems(got.answer, want.answer);
      if (typeof want.answer === "object") for (const item of want.answer) this.#resume(item);
      return want.answer === undefined;
    });
    for (const [index, witnessed] of this.readers.entries()) {
      if (index % 2 === 0) continue;
      this.#same(witnessed.end, this.model.readers[index]?.end);
    }
  }

  /** From in front of a gap, `history` has what is still kept of what was missed. */
  #resume({ run, type, data, resumeAfter }: Item): void {
    if (type !== "bus.gap") return;
    this.#count(`gap ${data["reason"]}`);
    if (resumeAfter === undefined || this.model.runs.get(run.id) !== run) return;
    const after = typeof resumeAfter === "string" ? resumeAfter : idOf(resumeAfter);
    this.#sameItems(this.bus.history(run.id, { after }), this.model.replay(run, after).items);
  }

  #count(what: string, times = 1): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + times);
  }

  /** Whoever still reads leaves; nothing of any reader is left. */
  async finish(): Promise<void> {
    await this.turn(true);
    for (const [index, { reader }] of this.readers.entries()) {
      const model = this.model.readers[index];
      if (model) this.model.leave(model, { reason: "returned" });
      reader.close();
    }
    for (const witnessed of this.readers) this.#watchEnd(witnessed);
    await this.turn(true);
    for (const [index, { end }] of this.readers.entries()) {
      this.#same(end, this.model.readers[index]?.end);
      this.#count(`end ${this.model.readers[index]?.end?.reason}`);
    }
    for (const { signal } of this.signals) this.#same(getEventListeners(signal, "abort").length, 0);
    for (const [why, times] of Object.entries(this.model.refused)) this.#count(`refused ${why}`, times);
    const { published, delivered, evictedRuns, errors, rejected, tricks, joined, detached, abandonedSpans } =
      this.model;
    const counts = { published, delivered, evictedRuns, errors, tricks, joined, detached, abandonedSpans };
    this.#count("acts", this.acts);
    for (const [what, times] of Object.entries(counts)) this.#count(what, times);
    this.#count("rejected", rejected.run + rejected.global);
    const { runSubscribers, globalSubscribers, queuedEvents } = this.bus.stats();
    this.#same([runSubscribers, globalSubscribers, queuedEvents], [0, 0, 0]);
    this.model.shutdown();
    await this.bus.shutdown();
    await this.turn(true);
    for (const runId of [...this.model.runs.keys()]) {
      this.#same(this.bus.dropHistory(runId), this.model.dropHistory(runId));
    }
    const { retainedRuns, historyEvents, historyBytes } = this.bus.stats();
    this.#same([retainedRuns, historyEvents, historyBytes], [0, 0, 0]);
  }

  same(got: unknown, want: unknown): void {
    this.#same(got, want);
  }

  sameItems(got: readonly BusEvent[], want: readonly Item[]): void {
    this.#sameItems(got, want);
  }

  #same(got: unknown, want: unknown): void {
    if (!isDeepStrictEqual(got, want)) expect(got).toEqual(want);
  }

  #sameItems(got: readonly BusEvent[], want: readonly Item[]): void {
    if (got.length === want.length && got.every((event, index) => this.#isSame(event, want[index] as Item))) return;
    expect(got.map(pictureOf)).toEqual(want.map((item) => ({ ...pictureOfItem(item) })));
  }

  #isSame(event: BusEvent, item: Item): boolean {
    item.run.generation ??= generationOf(event.id);
    return isDeepStrictEqual(pictureOf(event), pictureOfItem(item));
  }

  /** The bus names its generations; no name may come twice. */
  #learn(): void {
    for (const run of this.model.runs.values()) {
      const standing = this.bus.standing(run.id);
      if (run.generation === undefined && standing && !this.#generations.has(standing.generation)) {
        run.generation = standing.generation;
        this.#generations.add(standing.generation);
      }
      this.#same(standing?.generation, run.generation);
      this.#same(standing?.state, run.state === "detached" ? "closed" : run.state);
      this.#same(standing?.lastId, `${run.generation}.${run.seq}`);
      this.#same(standing?.end, run.stream.end);
    }
  }

  #stats(): object {
    const { model } = this;
    const { maxQueueSize } = model.limits;
    const dropped = { run: { lagged: model.droppedByLeft.run }, global: { lagged: model.droppedByLeft.global } };
    const queuedEvents = { run: 0, global: 0 };
    const attached = { run: 0, global: 0 };
    const queueUtilization = { run: 0, global: 0 };
    const depths = { global: [] as number[], runs: Object.create(null) as Record<string, number[]> };
    for (const reader of model.attached) {
      const scope = scopeOf(reader);
      attached[scope] += 1;
      dropped[scope].lagged += reader.dropped;
      queuedEvents[scope] += reader.waiting;
      queueUtilization[scope] = Math.max(queueUtilization[scope], reader.live.length / maxQueueSize);
      if (!reader.run) depths.global.push(reader.waiting);
      else depths.runs[reader.run.id] = [...(depths.runs[reader.run.id] ?? []), reader.waiting];
    }
    const refused: Record<string, number> = {};
    for (const why of ["invalid", "sealed", "withheld", "nested", "unkeyed", "ended", "shutdown"])
      refused[why] = model.refused[why] ?? 0;
    const historyDepths: Record<string, number> = Object.create(null);
    for (const run of [...model.retained].reverse()) historyDepths[run.id] = run.kept.length;
    return {
      published: model.published,
      delivered: model.delivered,
      dropped: dropped.run.lagged + dropped.global.lagged,
      refused: Object.values(refused).reduce((sum, each) => sum + each, 0),
      evictedRuns: model.evictedRuns,
      rejectedSubscribers: model.rejected.run + model.rejected.global,
      abandonedSpans: model.abandonedSpans,
      errors: model.errors,
      activeRuns: model.open.length,
      retainedRuns: model.retained.length,
      historyEvents: model.historyEvents,
      historyBytes: model.historyBytes,
      runSubscribers: attached.run,
      globalSubscribers: attached.global,
      openSpans: [...model.runs.values()].reduce((sum, run) => sum + run.spans.length, 0),
      queuedEvents: queuedEvents.run + queuedEvents.global,
      queueDepths: depths,
      historyDepths,
      details: {
        dropped,
        refused,
        rejectedSubscribers: { ...model.rejected },
        queuedEvents,
        queueCapacity: { run: attached.run * maxQueueSize, global: attached.global * maxQueueSize },
        queueUtilization,
        closedRuns: model.retained.filter((run) => run.state !== "open").length,
      },
    };
  }
}

function generationOf(id: string): string {
  return id.slice(0, id.lastIndexOf("."));
}

function idOf({ run, seq }: Item): string {
  return `${run.generation}.${seq}`;
}

function pictureOfItem(item: Item): object {
  const { run, type, seq, data, spanId, resumeAfter } = item;
  const after = typeof resumeAfter === "object" ? idOf(resumeAfter) : resumeAfter;
  return {
    id: idOf(item),
    runId: run.id,
    type,
    seq: type.startsWith("bus.") ? undefined : seq,
    spanId,
    data: { ...data, ...(after !== undefined && { resumeAfter: after }) },
  };
}

function pictureOf({ id, runId, type, seq, spanId, data }: BusEvent): object {
  return { id, runId, type, seq, spanId, data };
}

function shown(answer: readonly unknown[] | "done" | undefined): string {
  return typeof answer === "object" ? `${answer.length} events` : (answer ?? "waits");
}
