import { fill, type Store } from "../candidates/store.js";
import { nanosPer } from "../harness/clock.js";
import { faster, fasterThanOrigin } from "../harness/goals.js";
import type { Measure, Row } from "../harness/row.js";
import { expectNumbers, note, runId } from "../inputs/notes.js";

const RUNS = 200;
const BLOCK = 1000;
const SPANBUS = "spanbus";
const LIMIT = "limit";
const REPLAY_SUBJECTS = "RxJS, a Map of ReplaySubject(500)";
const ids = Array.from({ length: RUNS }, (_, index) => runId(index));

function measured(open: () => Store): Measure {
  return async () => {
    await prove(open());
    const store = open();
    fill(store, ids, 500);
    let n = 0;
    const publish = await nanosPer(BLOCK, () => {
      for (let index = 0; index < BLOCK; index += 1) {
        n += 1;
        store.publish(ids[n % RUNS] ?? "", note(n));
      }
    });
    return { publish };
  };
}

/** The newest 500 are replayed, of every run. */
async function prove(store: Store): Promise<void> {
  fill(store, ids, 620);
  for (const id of ids) {
    const notes = await store.replay(id);
    // The limit keeps what its ring has room for.
    expectNumbers(
      notes.slice(-500).map(({ n }) => n),
      121,
      500,
    );
  }
}

export const publish: Row = {
  name: "publish",
  title: "Publish, with nobody reading",
  says: "Small events into 200 runs in rotation, with histories of 500 that are full.",
  figures: { publish: "ns per event" },
  cases: [
    { name: SPANBUS, load: async () => measured((await import("../candidates/stores.js")).spanbus) },
    {
      name: LIMIT,
      less: "no copy, no freeze, no ids, no checks, no size",
      load: async () => measured((await import("../candidates/stores.js")).limit),
    },
    {
      name: REPLAY_SUBJECTS,
      less: "no bound on runs, no copy, no freeze, no ids, no size",
      load: async () => measured((await import("../candidates/stores.js")).replaySubjects),
    },
  ],
  goals: [
    faster(2, { row: "1", who: SPANBUS, to: REPLAY_SUBJECTS, figure: "publish" }),
    fasterThanOrigin(6, 44, { row: "1", who: SPANBUS, to: LIMIT, figure: "publish" }),
  ],
};
