import type { OpenStalled } from "../candidates/stalled.js";
import { heapBytes, nanos, turn } from "../harness/clock.js";
import type { Measure, Row } from "../harness/row.js";
import { expectNumbers, type Note, note } from "../inputs/notes.js";

const BURST = 64;
const FIRST = 1030;
const THEN = 100_000;
const CAPACITY = 1024;
const SPANBUS = "spanbus";

/** Bounded in time: whoever starves its other readers does not end. */
const PATIENCE_TURNS = 2000;

function measured(open: OpenStalled, counts: boolean): Measure {
  return async () => {
    const numbers: number[] = [];
    let n = 0;
    let millis = 0;
    const stalled = await open((each: Note) => numbers.push(each.n));
    const publish = async (count: number): Promise<void> => {
      for (const end = n + count; n < end; ) {
        const begin = nanos();
        for (let index = 0; index < BURST && n < end; index += 1) {
          n += 1;
          stalled.publish(note(n));
        }
        millis += (nanos() - begin) / 1e6;
        for (let turns = 0; numbers.length < n && turns < PATIENCE_TURNS; turns += 1) await turn();
        if (numbers.length < n) throw new Error(`the other reader got ${numbers.length} of ${n} events`);
      }
    };
    await turn();
    await publish(FIRST);
    const blocked = millis;
    millis = 0;
    const heap = await heapBytes(async () => {
      await publish(THEN);
      return stalled;
    });
    expectNumbers(numbers, 1, FIRST + THEN);
    const dropped = stalled.dropped();
    if (counts && dropped !== FIRST + THEN - CAPACITY) throw new Error(`${dropped} events counted as lost`);
    return { blocked, after: (millis * 1e6) / THEN, heap: heap / 2 ** 20, dropped: dropped ?? Number.NaN };
  };
}

export const stalledReader: Row = {
  name: "stalled-reader",
  title: "One reader that never reads, beside one that does",
  says: "1,030 events, then 100,000 more, in bursts of 64. The other reader must get all of them, and does wherever there is a figure.",
  figures: {
    blocked: "publisher held by the first 1,030, ms",
    after: "ns per event after",
    heap: "heap grown, MiB",
    dropped: "losses counted",
  },
  cases: [
    { name: SPANBUS, load: async () => measured((await import("../candidates/stalled.js")).spanbus, true) },
    {
      name: "limit",
      less: "no copy, no freeze, no ids",
      load: async () => measured((await import("../candidates/stalled.js")).limit, true),
    },
    {
      name: "events.on",
      less: "no bound, no history",
      load: async () => measured((await import("../candidates/stalled.js")).eventsOn, false),
    },
    {
      name: "it-pushable",
      less: "no bound, no history",
      load: async () => measured((await import("../candidates/stalled.js")).itPushable, false),
    },
    {
      name: "Effect PubSub, sliding",
      less: "losses not counted",
      load: async () => measured((await import("../candidates/stalled.js")).effect, false),
    },
  ],
  goals: [
    {
      row: "8",
      says: "the publisher is held by 1,030 events",
      got: (of) => of(SPANBUS, "blocked"),
      atMost: 5,
      unit: "ms",
    },
    {
      row: "8",
      says: "heap grown over 100,000 events, of which 1,024 are kept",
      got: (of) => of(SPANBUS, "heap"),
      atMost: 4,
      unit: "MiB",
    },
  ],
  maxRounds: 5,
};
