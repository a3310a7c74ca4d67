import type { Channel } from "../candidates/channel.js";
import { Audience, proveDelivery } from "../harness/audience.js";
import { nanos, turn } from "../harness/clock.js";
import type { Case, Measure, Row } from "../harness/row.js";
import { quantile } from "../harness/statistics.js";

const READERS = 10;
const TIMES = 6000;
const SPANBUS = "spanbus, for await";
const EVENTS_ON = "events.on";

/** From before `publish` until the last of ten idle readers has the event. */
function measured(open: () => Promise<Channel>): Measure {
  return async () => {
    await proveDelivery(await open());
    const audience = await Audience.gather(await open(), READERS);
    const taken: number[] = [];
    for (let index = 0; index < TIMES; index += 1) {
      const begin = nanos();
      await audience.publish(1);
      taken.push((nanos() - begin) / 1000);
      // All are idle again.
      await turn();
    }
    const warm = taken.slice(TIMES / 3);
    return { p50: quantile(warm, 0.5), p99: quantile(warm, 0.99) };
  };
}

const cases: readonly Case[] = [
  { name: SPANBUS, load: async () => measured((await import("../candidates/spanbus.js")).byEvent) },
  {
    name: "limit, for await",
    less: "no copy, no freeze, no ids, no checks",
    load: async () => measured((await import("../candidates/limit-channel.js")).byEvent),
  },
  {
    name: EVENTS_ON,
    less: "no history, no bound, no copy",
    load: async () => measured((await import("../candidates/events-on.js")).byEvent),
  },
  {
    name: "Effect Stream, PubSub with replay",
    less: "one bound for all readers, no copy",
    load: async () => measured((await import("../candidates/effect-pubsub.js")).byEvent),
  },
  {
    name: "ReplaySubject + it-pushable",
    less: "one run, no copy",
    load: async () => measured((await import("../candidates/pushable.js")).composed),
  },
];

export const wakeUp: Row = {
  name: "wake-up",
  title: "Waking ten idle readers",
  says: "From before `publish` until the last of ten waiting readers has the event.",
  figures: { p50: "median, µs", p99: "99th percentile, µs" },
  cases,
  goals: [
    {
      row: "10",
      says: `median, to ${EVENTS_ON}`,
      got: (of) => of(SPANBUS, "p50") / of(EVENTS_ON, "p50"),
      atMost: 1.5,
    },
    { row: "10", says: "99th percentile", got: (of) => of(SPANBUS, "p99"), atMost: 10, unit: "µs" },
  ],
};
