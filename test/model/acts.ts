import { context } from "@opentelemetry/api";
import fc from "fast-check";
import type { Outcome, SubscribeOptions } from "spanbus";
import type { ReaderOptions } from "./model-reader.js";
import { type Item, isTouchy } from "./model-run.js";
import { begin, bindAnew, chunks, end, flush, performRequest } from "./span-acts.js";
import { attachedAt, type Plot, plant, plots, runIds, small } from "./tricks.js";
import { SIGNALS, type World } from "./world.js";

/** Something that is done to the bus and to its model, at once and without a pause. */
export interface Act {
  readonly says: string;
  perform(world: World): void;
}

/** Where a reader begins: `old` is the place of an event, counted from the newest. */
type Cursor = { readonly old: number } | { readonly text: string } | undefined;

const outcomes = fc.constantFrom<(Outcome | undefined)[]>(undefined, "completed", "failed", "cancelled");

const types = fc.constantFrom("note", "note", "note", "blip", "agent.tool.note", "agent.model.note");

interface Publishing {
  readonly runId: string;
  readonly type: string;
  readonly size: number;
  readonly plot: Plot | undefined;
  readonly how: "publishes" | "emits" | "begins anew";
}

const publish = fc
  .record<Publishing>({
    runId: runIds,
    type: fc.oneof({ weight: 30, arbitrary: types }, { weight: 1, arbitrary: fc.constantFrom("bus.own", "") }),
    size: fc.constantFrom(0, 0, 40, 300),
    plot: plots,
    how: fc.constantFrom("publishes", "publishes", "publishes", "emits", "begins anew"),
  })
  .map((publishing): Act => {
    const { runId, type, size, plot, how } = publishing;
    const trick = plot ? ` ${plot.by} ${plot.how} ${plot.prank?.says ?? ""}` : "";
    return {
      says: `publish(${runId} ${type} ${size} ${how}${trick})`,
      perform(world) {
        if (how !== "begins anew") return performPublish(world, publishing);
        bindAnew(world, runId, () => performPublish(world, publishing));
      },
    };
  });

/** Outside of any run, `emit` has nowhere to go: nearly always it is `publish` then. */
function performPublish(world: World, { runId, type, size, plot, how }: Publishing): void {
  const { model, bus } = world;
  world.notes += 1;
  const around = model.here.binding?.runId ?? model.here.request?.runId;
  const emits = how === "emits" && (around !== undefined || world.notes % 10 === 0);
  const planted = plot && plant(world, plot);
  const pad = size > 0 && { pad: "x".repeat(size) };
  const data = { n: world.notes, ...pad, ...(planted && { trick: planted.trick }) };
  const target = emits ? (around ?? runId) : runId;
  const note = { type, data, ...(planted && { trick: planted.inModel }) };
  const want = emits ? model.emit(note) : model.publish({ runId, ...note });
  const got = emits ? bus.emit(type, data) : bus.publish({ runId, type, data });
  world.sameItems(got ? [got] : [], want ? [want] : []);
  if (got) world.ids.set(target, [...(world.ids.get(target) ?? []), got.id]);
}

const cursors: fc.Arbitrary<Cursor> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constant({ text: "live" }) },
  { weight: 4, arbitrary: fc.nat({ max: 20 }).map((old) => ({ old })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { text: "" },
      { text: "none" },
      { text: "other-1.3" },
      { text: "x.y.z" },
      { text: "1.-1" },
      { text: "bus.gap" },
      { text: "a.999999999999999999" },
    ),
  },
);

/** The place of an event that the run had, or another one if it had none. */
function cursorOf(world: World, runId: string, cursor: Cursor): string | undefined {
  if (cursor === undefined) return undefined;
  return "text" in cursor
    ? cursor.text
    : ((world.ids.get(runId) ?? [...world.ids.values()][0])?.at(-1 - cursor.old) ?? "none");
}

/** What readers may ask of an event. */
const wheres = {
  odd: ({ n }: Readonly<Record<string, unknown>>) => typeof n !== "number" || n % 2 === 1,
  touchy: (data: Readonly<Record<string, unknown>>) => (isTouchy(data) ? ("throws" as const) : true),
} as const;

const readerOptions = fc.record({
  types: fc.option(
    fc.constantFrom(
      ["note"],
      ["blip", "note"],
      ["note", "blip"],
      ["agent.*"],
      ["agent.model.*", "note"],
      ["bus.*"],
      ["bus.gap"],
    ),
    { nil: undefined, freq: 2 },
  ),
  where: fc.option(fc.constantFrom("odd" as const, "touchy" as const), { nil: undefined, freq: 3 }),
  signal: fc.option(fc.nat({ max: SIGNALS - 1 }), { nil: undefined, freq: 2 }),
  idleTimeoutMillis: fc.option(fc.constant(3300), { nil: undefined, freq: 4 }),
});

const subscribe = fc.record({ runId: runIds, global: fc.nat({ max: 3 }), after: cursors, options: readerOptions }).map(
  ({ runId, global, after: cursor, options }): Act => ({
    says: `${global === 0 ? "subscribeGlobal" : `subscribe ${runId}`}(${JSON.stringify({ after: cursor, ...options })})`,
    perform(world) {
      const { model, bus } = world;
      const { types: chosen, where, signal, idleTimeoutMillis } = options;
      const after = cursorOf(world, runId, cursor);
      const verdict = where && wheres[where];
      const forModel: ReaderOptions = { types: chosen, where: verdict, signal, idleTimeoutMillis };
      const given: SubscribeOptions = {
        types: chosen,
        signal: signal === undefined ? undefined : world.signals[signal]?.signal,
        idleTimeoutMillis,
        where: verdict && ((event) => world.where(event, verdict)),
      };
      if (global === 0) model.subscribeGlobal(forModel);
      else model.subscribe(runId, after, forModel);
      world.attach(() => (global === 0 ? bus.subscribeGlobal(given) : bus.subscribe(runId, { ...given, after })));
      world.same(world.readers.length, model.readers.length);
    },
  }),
);

const ask = fc.record({ back: small, batch: fc.nat({ max: 3 }) }).map(
  ({ back, batch }): Act => ({
    says: `${batch === 0 ? "batch" : "next"}(${back})`,
    perform: (world) => world.ask(attachedAt(world, back), batch === 0),
  }),
);

const leave = fc.record({ back: small, how: fc.nat({ max: 3 }) }).map(
  ({ back, how }): Act => ({
    says: `leave(${back})`,
    perform(world) {
      const index = attachedAt(world, back);
      const model = world.model.readers[index];
      const reader = world.readers[index]?.reader;
      if (!model || !reader) return;
      world.model.leave(model, { reason: "returned" });
      if (how === 0) reader.close();
      else if (how === 1) void reader.return();
      else if (how === 2) void reader[Symbol.asyncDispose]();
      else void reader.batches().return?.();
    },
  }),
);

const abort = fc.nat({ max: SIGNALS - 1 }).map(
  (signal): Act => ({
    says: `abort(${signal})`,
    perform(world) {
      world.model.abort(signal);
      world.signals[signal]?.abort();
    },
  }),
);

const close = fc.record({ runId: runIds, outcome: outcomes }).map(
  ({ runId, outcome }): Act => ({
    says: `closeStream(${runId} ${outcome})`,
    perform: (world) => world.same(world.bus.closeStream(runId, outcome), world.model.closeStream(runId, outcome)),
  }),
);

const drop = runIds.map(
  (runId): Act => ({
    says: `dropHistory(${runId})`,
    perform: (world) => world.same(world.bus.dropHistory(runId), world.model.dropHistory(runId)),
  }),
);

const closeGlobal = fc.constant<Act>({
  says: "closeGlobal()",
  perform(world) {
    world.model.closeGlobal();
    world.bus.closeGlobal();
  },
});

const history = fc
  .record({ runId: runIds, after: cursors, limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }) })
  .map(
    ({ runId, after: cursor, limit }): Act => ({
      says: `history(${runId})`,
      perform(world) {
        const after = cursorOf(world, runId, cursor);
        const run = world.model.runs.get(runId);
        const items: readonly Item[] = run ? world.model.replay(run, after).items : [];
        const want = limit === undefined ? items : after === undefined ? items.slice(-limit) : items.slice(0, limit);
        world.sameItems(world.bus.history(runId, { after, limit }), want);
      },
    }),
  );

const tap = fc.record({ touchy: fc.boolean(), off: fc.boolean() }).map(
  ({ touchy, off }): Act => ({
    says: off ? "untap()" : "tap()",
    perform(world) {
      if (!off) return world.tap(touchy);
      const index = world.model.taps.findIndex(({ on }) => on);
      const found = world.model.taps[index];
      if (!found) return;
      found.on = false;
      world.taps[index]?.close();
    },
  }),
);

export const shutdown = fc.constant<Act>({
  says: "shutdown()",
  perform(world) {
    world.model.shutdown();
    void world.bus.shutdown();
  },
});

/** What the application throws. */
class Thrown extends Error {}

/** What is done for a request: mostly a tool works. */
const requested = (other: fc.Arbitrary<Act>): fc.Arbitrary<Act> =>
  fc.oneof({ weight: 3, arbitrary: begin }, { weight: 2, arbitrary: other });

export const { act } = fc.letrec<{ act: Act; inner: readonly Act[] }>((tie) => ({
  inner: fc.array(tie("act"), { maxLength: 4 }),
  act: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 60, arbitrary: publish },
    { weight: 14, arbitrary: subscribe },
    { weight: 30, arbitrary: ask },
    { weight: 5, arbitrary: leave },
    { weight: 1, arbitrary: abort },
    { weight: 1, arbitrary: close },
    { weight: 3, arbitrary: drop },
    { weight: 1, arbitrary: closeGlobal },
    { weight: 4, arbitrary: history },
    { weight: 2, arbitrary: tap },
    { weight: 10, arbitrary: chunks },
    { weight: 1, arbitrary: flush },
    { weight: 6, arbitrary: end },
    {
      weight: 4,
      arbitrary: fc
        .record({ runId: runIds, propagate: fc.boolean(), inner: tie("inner") as fc.Arbitrary<readonly Act[]> })
        .map(
          ({ runId, propagate, inner }): Act => ({
            says: `runContext(${runId}${propagate ? " propagate" : ""}, [${inner.map(({ says }) => says).join(", ")}])`,
            perform: (world) => bindAnew(world, runId, () => performAll(world, inner), propagate),
          }),
        ),
    },
    {
      weight: 6,
      arbitrary: fc.record({ back: small, inner: fc.array(requested(tie("act")), { maxLength: 4 }) }).map(
        ({ back, inner }): Act => ({
          says: `request(${back}, [${inner.map(({ says }) => says).join(", ")}])`,
          perform: (world) => performRequest(world, back, () => performAll(world, inner)),
        }),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.record({ back: small, inner: tie("inner") as fc.Arbitrary<readonly Act[]> }).map(
        ({ back, inner }): Act => ({
          says: `within(${back}, [${inner.map(({ says }) => says).join(", ")}])`,
          perform(world) {
            const leaked = world.contexts.at(-1 - back);
            if (!leaked) return;
            context.with(leaked.context, () => world.within(leaked.here, () => performAll(world, inner)));
          },
        }),
      ),
    },
    {
      weight: 5,
      arbitrary: fc
        .record({
          runId: runIds,
          inner: tie("inner") as fc.Arbitrary<readonly Act[]>,
          ending: fc.constantFrom("returns", "throws", "aborts", "pends", "pends"),
        })
        .map(
          ({ runId, inner, ending }): Act => ({
            says: `run(${runId}, [${inner.map(({ says }) => says).join(", ")}] ${ending})`,
            perform: (world) => performRun(world, runId, inner, ending),
          }),
        ),
    },
  ),
}));

export function performAll(world: World, acts: readonly Act[]): void {
  for (const each of acts) {
    world.acts += 1;
    each.perform(world);
  }
}

function performRun(world: World, runId: string, inner: readonly Act[], ending: string): void {
  const { model, bus } = world;
  const binding = model.enter(runId);
  let left = false;
  try {
    const result = bus.run(runId, (given) => {
      world.same(given, runId);
      world.bind(binding, () => performAll(world, inner));
      left = true;
      if (ending === "throws") throw new Thrown("failed");
      if (ending === "aborts") throw new DOMException("aborted", "AbortError");
      if (ending !== "pends") return undefined;
      return new Promise<void>((resolve, reject) => {
        world.pending.push({
          binding,
          settle(outcome) {
            if (outcome === "completed") resolve();
            else reject(outcome === "failed" ? new Thrown("failed") : new DOMException("aborted", "AbortError"));
          },
        });
      });
    });
    result?.catch(() => undefined);
    if (ending !== "pends") model.settled(binding);
  } catch (error) {
    if (!left) throw error;
    model.settled(binding, ending === "throws" ? "failed" : "cancelled");
  }
}
