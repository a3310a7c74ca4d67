import type { Growing } from "../candidates/growing.js";
import type { Case, Figures, Measure, Row } from "../harness/row.js";
import { exponent } from "../harness/statistics.js";

const SIZES = [1, 10, 100, 1000] as const;

type Growings = typeof import("../candidates/growing.js");

/** The cost at each size, from small to large, and the power of the size with which it grows. */
function measured(growing: Growing): Measure {
  return async () => {
    const points: { size: number; cost: number }[] = [];
    const figures: Record<string, number> = {};
    for (const times of SIZES) {
      const size = times * growing.from;
      const cost = await growing.cost(size);
      points.push({ size, cost });
      figures[`at${times}`] = cost;
    }
    return { ...figures, exponent: exponent(points) } satisfies Figures;
  };
}

function factor(name: string, choose: (growings: Growings) => Growing): Case {
  return { name, load: async () => measured(choose(await import("../candidates/growing.js"))) };
}

const ASLEEP = "readers asleep, from 10; ns per event";
const WAITING = "readers waiting, from 10; ns held per event";
const RUNS = "runs in rotation, from 1; ns per event";
const ASLEEP_MEMORY = "readers, from 10; bytes per reader";

export const growth: Row = {
  name: "growth",
  title: "Growth",
  says: "One thing grows a thousandfold while all else stays. An exponent of 0 says that the cost stays the same, of 1 that it grows in proportion.",
  figures: { at1: "1×", at10: "10×", at100: "100×", at1000: "1,000×", exponent: "exponent" },
  cases: [
    factor(ASLEEP, ({ readersAsleep }) => readersAsleep),
    factor(WAITING, ({ readersWaiting }) => readersWaiting),
    factor(RUNS, ({ runs }) => runs),
    factor(ASLEEP_MEMORY, ({ readerMemory }) => readerMemory),
    factor("attributes of a span that the bus does not ask for, from 1; ns per span", ({ attributes }) => attributes),
    factor("characters of one text in the data, from 8; ns per event", ({ eventSize }) => eventSize),
    factor("spans per trace, from 2; ns per span", ({ spansPerTrace }) => spansPerTrace),
    factor("history kept per run, from 2; ns per event", ({ history }) => history),
  ],
  goals: [
    ...[ASLEEP, WAITING, RUNS, ASLEEP_MEMORY].map((name) => ({
      row: "17",
      says: `exponent: ${name}`,
      got: (of: (name: string, figure: string) => number) => of(name, "exponent"),
      atMost: 0.1,
      unit: "",
    })),
  ],
  nodes: [20],
  maxRounds: 3,
};
