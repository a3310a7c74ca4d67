import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { EventBus } from "spanbus";
import { sdk } from "#sdk";
import { heapBytes, nanos, nanosPer, turn } from "../harness/clock.js";
import { quantile } from "../harness/statistics.js";
import { note, runId } from "../inputs/notes.js";
import { agentTrace, play } from "../inputs/spans.js";

/** One thing that grows, and what something costs while it is so large. */
export interface Growing {
  /** Where it begins; from there it grows a thousandfold. */
  readonly from: number;
  cost(size: number): Promise<number>;
}

const RUN = "run";
const BLOCK = 200;

/** Nanoseconds to publish an event, with what `prepare` set up. */
function publishing(bus: EventBus, data: (n: number) => object, runIdOf: (n: number) => string): Promise<number> {
  let n = 0;
  return nanosPer(BLOCK, () => {
    for (let index = 0; index < BLOCK; index += 1) {
      n += 1;
      bus.publish({ runId: runIdOf(n), type: "note", data: data(n) });
    }
    return turn();
  });
}

export const readersAsleep: Growing = {
  from: 10,
  cost: async (size) => {
    const bus = new EventBus();
    for (let index = 0; index < size; index += 1) bus.subscribe(RUN);
    return publishing(bus, note, () => RUN);
  },
};

/** Only what the publisher is held: that each reader reads is what the readers cost. */
export const readersWaiting: Growing = {
  from: 10,
  cost: async (size) => {
    const bus = new EventBus();
    let read = 0;
    for (let index = 0; index < size; index += 1) {
      void (async () => {
        for await (const events of bus.subscribe(RUN).batches()) read += events.length;
      })();
    }
    const taken: number[] = [];
    for (let round = 0; round < 150; round += 1) {
      const begin = nanos();
      for (let index = 0; index < BLOCK; index += 1) bus.publish({ runId: RUN, type: "note", data: note(index) });
      taken.push((nanos() - begin) / BLOCK);
      await turn();
    }
    if (read !== 150 * BLOCK * size) throw new Error(`${read} events were read`);
    return quantile(taken.slice(50), 0.5);
  },
};

export const runs: Growing = {
  from: 1,
  cost: async (size) => {
    const bus = new EventBus({ maxRuns: 1000, historyPerRun: 50 });
    const ids = Array.from({ length: size }, (_, index) => runId(index));
    return publishing(bus, note, (n) => ids[n % size] ?? "");
  },
};

export const readerMemory: Growing = {
  from: 10,
  cost: async (size) => {
    const bus = new EventBus();
    // What a run holds is not what a reader holds.
    bus.subscribe(RUN);
    const bytes = await heapBytes(() => Array.from({ length: size - 1 }, () => bus.subscribe(RUN)));
    return bytes / (size - 1);
  },
};

export const attributes: Growing = {
  from: 1,
  cost: async (size) => {
    const bus = new EventBus();
    const tracer = sdk.provider([bus]).getTracer(agentTrace.scope);
    const extra = Object.fromEntries(Array.from({ length: size }, (_, index) => [`app.attribute.${index}`, index]));
    return nanosPer(20, () => {
      const root = tracer.startSpan("ai.generateText", { attributes: agentTrace.top.attributes }, ROOT_CONTEXT);
      const context = trace.setSpan(ROOT_CONTEXT, root);
      for (let n = 1; n < 20; n += 1) {
        const { name, attributes: own } = agentTrace.below(n);
        tracer.startSpan(name, { attributes: { ...own, ...extra } }, context).end();
      }
      root.end();
      return turn();
    });
  },
};

export const eventSize: Growing = {
  from: 8,
  cost: (size) => {
    const text = "x".repeat(size - 6);
    return publishing(
      new EventBus(),
      (n) => ({ text: `${text}${n % 100_000}` }),
      () => RUN,
    );
  },
};

export const spansPerTrace: Growing = {
  from: 2,
  cost: async (size) => {
    const bus = new EventBus();
    const tracer = sdk.provider([bus]).getTracer(agentTrace.scope);
    return nanosPer(size, () => {
      play(tracer, agentTrace, size);
      return turn();
    });
  },
};

export const history: Growing = {
  from: 2,
  cost: (size) => publishing(new EventBus({ historyPerRun: size }), note, () => RUN),
};
