import { AsyncLocalStorage } from "node:async_hooks";
import type { Channel } from "../candidates/channel.js";
import { Audience, proveDelivery } from "../harness/audience.js";
import { nanosPer } from "../harness/clock.js";
import { atMost, faster, fasterThanOrigin } from "../harness/goals.js";
import type { Case, Goal, Measure, Row } from "../harness/row.js";

const READERS = 10;
const BURST = 64;
/** Events published one by one in one go of the clock. */
const SPARSE = 32;

const BY_EVENT = "spanbus, for await";
const BY_BATCH = "spanbus, batches()";
const LIMIT = "limit, for await";
const LIMIT_BATCH = "limit, batches";
const EVENTS_ON = "events.on";
const EFFECT = "Effect Stream, PubSub with replay";
const PUSHABLE_V = "it-pushableV, batches";
const COMPOSED = "ReplaySubject + it-pushable";

/** Ten readers of one run, in bursts and one by one. */
function measured(open: () => Promise<Channel>, withStorage: boolean): Measure {
  return async () => {
    await proveDelivery(await open());
    const figures = async () => {
      const audience = await Audience.gather(await open(), READERS);
      const burst = await nanosPer(BURST, () => audience.publish(BURST));
      const sparse = await nanosPer(SPARSE, async () => {
        for (let index = 0; index < SPARSE; index += 1) await audience.publish(1);
      });
      return { burst, sparse };
    };
    // What a context manager of OpenTelemetry keeps active in every instrumented process.
    return withStorage ? new AsyncLocalStorage<object>().run({}, figures) : figures();
  };
}

function cases(withStorage: boolean): Case[] {
  const of = (open: () => Promise<Channel>): Measure => measured(open, withStorage);
  return [
    { name: BY_EVENT, load: async () => of((await import("../candidates/spanbus.js")).byEvent) },
    { name: BY_BATCH, load: async () => of((await import("../candidates/spanbus.js")).byBatch) },
    {
      name: LIMIT,
      less: "no copy, no freeze, no ids, no checks",
      load: async () => of((await import("../candidates/limit-channel.js")).byEvent),
    },
    {
      name: LIMIT_BATCH,
      less: "as above",
      load: async () => of((await import("../candidates/limit-channel.js")).byBatch),
    },
    {
      name: EVENTS_ON,
      less: "no history, no bound, no copy",
      load: async () => of((await import("../candidates/events-on.js")).byEvent),
    },
    {
      name: EFFECT,
      less: "one bound for all readers, losses not counted, no copy",
      load: async () => of((await import("../candidates/effect-pubsub.js")).byEvent),
    },
    {
      name: PUSHABLE_V,
      less: "no history, no bound, no count, no copy",
      load: async () => of((await import("../candidates/pushable.js")).byBatch),
    },
    {
      name: COMPOSED,
      less: "one run, no copy",
      load: async () => of((await import("../candidates/pushable.js")).composed),
    },
  ];
}

function goals(row: (number: number) => string): Goal[] {
  const each = { what: "`for await` in bursts", who: BY_EVENT, figure: "burst" };
  const sparse = { what: "`for await` one by one", who: BY_EVENT, figure: "sparse" };
  const batches = { what: "`batches()` in bursts", who: BY_BATCH, figure: "burst" };
  return [
    atMost(1, { row: row(2), ...each, to: EVENTS_ON }),
    faster(1.5, { row: row(2), ...each, to: EFFECT }),
    faster(2, { row: row(2), ...each, to: COMPOSED }),
    atMost(1.1, { row: row(3), ...sparse, to: EVENTS_ON }),
    faster(3, { row: row(3), ...sparse, to: COMPOSED }),
    faster(5, { row: row(4), ...batches, to: EFFECT }),
    faster(1.5, { row: row(4), ...batches, to: PUSHABLE_V }),
    faster(8, { row: row(4), ...batches, to: COMPOSED }),
  ];
}

const figures = { burst: "bursts of 64, ns per event", sparse: "one by one, ns per event" };

export const readers: Row = {
  name: "readers",
  title: "Ten readers of one run",
  says: "One event is published and read by ten readers. In bursts 64 are published at once; one by one each is read by all before the next.",
  figures,
  cases: cases(false),
  goals: [
    ...goals(String),
    fasterThanOrigin(100, 229, { row: "7", what: "in bursts", who: BY_EVENT, to: LIMIT, figure: "burst" }),
    fasterThanOrigin(60, 116, { row: "7", what: "one by one", who: BY_EVENT, to: LIMIT, figure: "sparse" }),
  ],
};

export const readersInContext: Row = {
  name: "readers-in-context",
  title: "Ten readers, with an active AsyncLocalStorage",
  says: "The same inside `AsyncLocalStorage.run`, as in every process that OpenTelemetry instruments.",
  figures,
  cases: cases(true),
  goals: goals((number) => `5 (${number})`),
};
