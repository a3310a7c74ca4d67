import type { Held } from "../candidates/memory.js";
import { heapBytes } from "../harness/clock.js";
import type { Measure, Row } from "../harness/row.js";

type Memory = typeof import("../candidates/memory.js");

const KEPT = "spanbus, an event";
const SPAN = "a ReadableSpan, by reference";
const WAITING = "spanbus, waiting";

function measured(choose: (memory: Memory) => () => Promise<Held>): () => Promise<Measure> {
  return async () => {
    const hold = choose(await import("../candidates/memory.js"));
    return async () => {
      // Once before, so that what is compiled and set up is not counted.
      await hold();
      let count = 0;
      const bytes = await heapBytes(async () => {
        const held = await hold();
        count = held.count;
        return held;
      });
      return { bytes: bytes / count };
    };
  };
}

export const keptEvents: Row = {
  name: "kept-events",
  title: "Memory of what is kept",
  says: "200 runs of 250 spans, of which a bus keeps 500 events each; all that is held, divided by the number.",
  figures: { bytes: "bytes each" },
  cases: [
    { name: KEPT, load: measured(({ eventsOfBus }) => eventsOfBus) },
    {
      name: "limit, a record",
      less: "no ids, no data but four fields",
      load: measured(({ eventsOfLimit }) => eventsOfLimit),
    },
    { name: SPAN, less: "no start event", load: measured(({ spans }) => spans) },
  ],
  goals: [{ row: "11", says: `to ${SPAN}`, got: (of) => of(KEPT, "bytes") / of(SPAN, "bytes"), atMost: 0.45 }],
  maxRounds: 3,
};

export const idleReaders: Row = {
  name: "idle-readers",
  title: "Memory of a reader",
  says: "5,000 readers of one run to whom nothing comes; the promise they wait for included.",
  figures: { bytes: "bytes each" },
  cases: [
    { name: WAITING, load: measured(({ busReadersWaiting }) => busReadersWaiting) },
    { name: "spanbus, asleep", load: measured(({ busReadersAsleep }) => busReadersAsleep) },
    {
      name: "limit, waiting",
      less: "no timeouts, no end",
      load: measured(({ limitReadersWaiting }) => limitReadersWaiting),
    },
    { name: "events.on", less: "no bound", load: measured(({ eventsOnWaiting }) => eventsOnWaiting) },
    { name: "ReplaySubject + it-pushable", less: "no bound", load: measured(({ composedWaiting }) => composedWaiting) },
  ],
  goals: [{ row: "11", says: "an idle reader", got: (of) => of(WAITING, "bytes"), atMost: 1536, unit: "bytes" }],
  maxRounds: 3,
};
