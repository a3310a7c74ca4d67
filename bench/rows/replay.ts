import type { Replay } from "../candidates/replays.js";
import { nanosPer } from "../harness/clock.js";
import { atMost, fasterThanOrigin } from "../harness/goals.js";
import type { Measure, Row } from "../harness/row.js";
import { expectNumbers, HISTORY } from "../inputs/notes.js";

const BY_BATCH = "spanbus, batches()";
const BY_EVENT = "spanbus, for await";
const LIMIT = "limit, batches";
const LIMIT_BY_EVENT = "limit, for await";
const SUBJECT = "ReplaySubject, callback";
const EFFECT = "Effect Stream, PubSub with replay";

type Replays = typeof import("../candidates/replays.js");

function measured(choose: (replays: Replays) => Replay | Promise<Replay>): () => Promise<Measure> {
  return async () => {
    const replay = await choose(await import("../candidates/replays.js"));
    return async () => {
      const numbers: number[] = [];
      await replay(({ n }) => numbers.push(n));
      expectNumbers(numbers, 1, HISTORY);
      let sum = 0;
      const each = await nanosPer(1000, () =>
        replay(({ n }) => {
          sum += n;
        }),
      );
      if (sum === 0) throw new Error("nothing was read");
      return { replay: each };
    };
  };
}

export const replay: Row = {
  name: "replay",
  title: "A reader that comes late",
  says: "It is given a history of 500 events, and leaves.",
  figures: { replay: "µs per replay" },
  cases: [
    { name: BY_BATCH, load: measured(({ spanbusByBatch }) => spanbusByBatch()) },
    { name: BY_EVENT, load: measured(({ spanbusByEvent }) => spanbusByEvent()) },
    { name: LIMIT, less: "no timeouts, no filters, no end", load: measured(({ limitByBatch }) => limitByBatch()) },
    { name: LIMIT_BY_EVENT, less: "as above", load: measured(({ limitByEvent }) => limitByEvent()) },
    {
      name: SUBJECT,
      less: "calls back, does not wait for its reader",
      load: measured(({ replaySubject }) => replaySubject()),
    },
    { name: EFFECT, less: "one bound for all readers", load: measured(({ effect }) => effect()) },
  ],
  goals: [
    atMost(3, { row: "9", what: "`batches()`", who: BY_BATCH, to: SUBJECT, figure: "replay" }),
    atMost(1, { row: "9", what: "`for await`", who: BY_EVENT, to: EFFECT, figure: "replay" }),
    fasterThanOrigin(5, 10, { row: "9", what: "`for await`", who: BY_EVENT, to: LIMIT_BY_EVENT, figure: "replay" }),
  ],
};
