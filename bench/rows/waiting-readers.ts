import { Audience, proveDelivery } from "../harness/audience.js";
import { nanos, turn } from "../harness/clock.js";
import type { Measure, Row } from "../harness/row.js";
import { quantile } from "../harness/statistics.js";

const READERS = 1000;
const BURST = 64;
const NONE = "spanbus, nobody reads";
const WAITING = "spanbus, 1,000 wait";
const LIMIT_NONE = "limit, nobody reads";
const LIMIT = "limit, 1,000 wait";

type Candidate = typeof import("../candidates/spanbus.js");

/** Only the publisher's call: the readers read in between, unmeasured. */
function measured(candidate: () => Promise<Pick<Candidate, "byEvent">>, readers: number): () => Promise<Measure> {
  return async () => {
    const { byEvent } = await candidate();
    return async () => {
      await proveDelivery(await byEvent());
      const audience = await Audience.gather(await byEvent(), readers);
      const burst = await held(audience, readers, BURST, 300);
      const sparse = await held(audience, readers, 1, 1500);
      return { burst, sparse };
    };
  };
}

async function held(audience: Audience, readers: number, count: number, times: number): Promise<number> {
  const taken: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const begin = nanos();
    audience.publishNow(count);
    taken.push((nanos() - begin) / count);
    await (readers > 0 ? audience.delivered() : turn());
  }
  // The first ones warm up; whoever is interrupted by another program says nothing of the call.
  return quantile(taken.slice(times / 5), 0.5);
}

const spanbus = (): Promise<Candidate> => import("../candidates/spanbus.js");
const limit = (): Promise<Pick<Candidate, "byEvent">> => import("../candidates/limit-channel.js");

export const waitingReaders: Row = {
  name: "waiting-readers",
  title: "The publisher's call while a thousand readers wait",
  says: "How long `publish` takes, apart from what the readers then do.",
  figures: { burst: "in bursts of 64, ns per call", sparse: "one by one, ns per call" },
  cases: [
    { name: NONE, load: measured(spanbus, 0) },
    { name: WAITING, load: measured(spanbus, READERS) },
    { name: LIMIT_NONE, less: "no copy, no freeze, no ids, no checks", load: measured(limit, 0) },
    { name: LIMIT, less: "as above", load: measured(limit, READERS) },
  ],
  goals: [
    {
      row: "6",
      says: "in bursts, to the call with nobody reading",
      got: (of) => of(WAITING, "burst") / of(NONE, "burst"),
      atMost: 3,
    },
    {
      row: "6",
      says: "one by one, to the call with nobody reading",
      got: (of) => of(WAITING, "sparse") / of(NONE, "sparse"),
      atMost: 3,
    },
  ],
};
