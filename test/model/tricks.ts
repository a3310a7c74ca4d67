import fc from "fast-check";
import type { ReaderOptions } from "./model-reader.js";
import type { Trick } from "./model-run.js";
import { type Played, SIGNALS, TRICK_NOTE, type World } from "./world.js";

export const runIds = fc.constantFrom("a", "a", "a", "b", "b", "c", "d", "e", "f");
export const small = fc.nat({ max: 9 });

/** Place of a reader: mostly one that came lately. */
export function readerAt(readers: readonly unknown[], back: number): number {
  return readers.length - 1 - (back % Math.max(1, Math.min(readers.length, 8)));
}

/** The same for an act, which may choose among those that are attached; now and then it takes one that is over. */
export function attachedAt(world: World, back: number): number {
  const { attached, readers } = world.model;
  const reader = back === 9 ? undefined : attached.at(-1 - (back % Math.max(1, attached.length)));
  return reader ? readers.indexOf(reader) : readerAt(readers, back);
}

/** What a callback may do when it sees an event. */
interface Prank {
  readonly says: string;
  inModel(world: World): void;
  onBus(world: World): void;
}

const pranks: fc.Arbitrary<Prank> = fc.oneof(
  runIds.map((runId) => ({
    says: `publish(${runId})`,
    inModel: ({ model }: World) => void model.publish({ runId, ...TRICK_NOTE }),
    onBus: ({ bus }: World) => void bus.publish({ runId, ...TRICK_NOTE }),
  })),
  runIds.map((runId) => ({
    says: `closeStream(${runId})`,
    inModel: ({ model }: World) => void model.closeStream(runId, "cancelled"),
    onBus: ({ bus }: World) => void bus.closeStream(runId, "cancelled"),
  })),
  runIds.map((runId) => ({
    says: `dropHistory(${runId})`,
    inModel: ({ model }: World) => void model.dropHistory(runId),
    onBus: ({ bus }: World) => void bus.dropHistory(runId),
  })),
  runIds.map((runId) => ({
    says: `subscribe(${runId})`,
    inModel: ({ model }: World) => void model.subscribe(runId, undefined, EVERYTHING),
    onBus: (world: World) => world.attach(() => world.bus.subscribe(runId)),
  })),
  small.map((back) => ({
    says: `leave(${back})`,
    inModel: ({ model }: World) => {
      const reader = model.readers[readerAt(model.readers, back)];
      if (reader) model.leave(reader, { reason: "returned" });
    },
    onBus: ({ readers }: World) => readers[readerAt(readers, back)]?.reader.close(),
  })),
  fc.nat({ max: SIGNALS - 1 }).map((signal) => ({
    says: `abort(${signal})`,
    inModel: ({ model }: World) => model.abort(signal),
    onBus: ({ signals }: World) => signals[signal]?.abort(),
  })),
  small.map((index) => ({
    says: `untap(${index})`,
    inModel({ model }: World) {
      const tap = model.taps[index];
      if (tap) tap.on = false;
    },
    onBus: ({ taps }: World) => taps[index]?.close(),
  })),
  fc.constant({
    says: "closeGlobal()",
    inModel: ({ model }: World) => model.closeGlobal(),
    onBus: ({ bus }: World) => bus.closeGlobal(),
  }),
);

const EVERYTHING: ReaderOptions = {
  types: undefined,
  where: undefined,
  signal: undefined,
  idleTimeoutMillis: undefined,
};

/** Which callback does what when it sees the event. */
export interface Plot {
  readonly by: Played["by"];
  readonly how: Played["how"];
  readonly prank: Prank | undefined;
}

/** A prank of one of these callbacks, mostly none. */
export const prankPlots = (...by: ("where" | "tap")[]): fc.Arbitrary<Plot | undefined> =>
  fc.option(fc.record({ by: fc.constantFrom(...by), how: fc.constant("acts" as const), prank: pranks }), {
    nil: undefined,
    freq: 2,
  });

export const plots: fc.Arbitrary<Plot | undefined> = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({
      by: fc.constantFrom("where" as const, "tap" as const),
      how: fc.constant("acts" as const),
      prank: pranks,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      by: fc.constant("redact" as const),
      how: fc.constantFrom("acts" as const, "throws" as const, "promises" as const, "withholds" as const),
      prank: fc.option(pranks, { nil: undefined }),
    }),
  },
);

/** Gives both the trick; the event carries its number. */
export function plant(world: World, { by, how, prank }: Plot): { readonly trick: number; readonly inModel: Trick } {
  const played: Played = { by, how, onBus: () => prank?.onBus(world), onBusDone: false, inModelDone: false };
  const trick = world.tricks.push(played) - 1;
  const inModel: Trick = {
    by,
    fails: how === "throws" || how === "promises",
    passes: how === "acts",
    inModel: () => {
      played.inModelDone = true;
      prank?.inModel(world);
    },
  };
  return { trick, inModel };
}
