// What is kept of each event, reader, run and span: the heap before and after so many of them, divided by their number.
//
//   npm run build && npx tsx --tsconfig tsconfig.build.json test/memory/soak/figures.ts
//
// Of what is shipped: the sources as tests run them, with private fields made otherwise, take more.
import { context, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, type EventBusOptions } from "spanbus";
import { heapInUse } from "../garbage.js";

const COUNT = 5000;
const ROUNDS = 3;

const provider = (bus: EventBus) => new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");

function toolUnder(bus: EventBus): () => Span {
  const tracer = provider(bus);
  const agent = tracer.startSpan("a", { attributes: { "gen_ai.operation.name": "invoke_agent" } });
  const inside = trace.setSpan(ROOT_CONTEXT, agent);
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "forecast" };
  return () => tracer.startSpan("execute_tool forecast", { attributes }, inside);
}

interface Figure {
  readonly options?: EventBusOptions;
  /** Makes so many, and gives how many there are and what must stay. */
  readonly make: (bus: EventBus, count: number) => { readonly of: number; readonly held?: unknown };
}

const figures: Readonly<Record<string, Figure>> = {
  "an event kept, of a closed run of tool calls": {
    options: { historyPerRun: 20_000 },
    make: (bus, count) => {
      const tool = toolUnder(bus);
      for (let n = 0; n < count; n += 1) tool().end();
      for (const { runId } of bus.runs()) bus.closeStream(runId);
      return { of: bus.stats().historyEvents };
    },
  },
  "a reader that sleeps": {
    make: (bus, count) => {
      bus.publish({ runId: "run", type: "note" });
      return { of: count, held: Array.from({ length: count }, () => bus.subscribe("run", { after: "live" })) };
    },
  },
  "a reader that waits in `next()`": {
    make: (bus, count) => {
      bus.publish({ runId: "run", type: "note" });
      const waiting = Array.from({ length: count }, () => {
        const reader = bus.subscribe("run", { after: "live" });
        return { reader, next: reader.next() };
      });
      return { of: count, held: waiting };
    },
  },
  "a reader with a `where` of its own": {
    make: (bus, count) => {
      bus.publish({ runId: "run", type: "note" });
      const where = () => true;
      return { of: count, held: Array.from({ length: count }, () => bus.subscribe("run", { after: "live", where })) };
    },
  },
  "an open run with one small event": {
    options: { maxRuns: 20_000 },
    make: (bus, count) => {
      for (let n = 0; n < count; n += 1) bus.publish({ runId: `run ${n}`, type: "note" });
      return { of: bus.stats().activeRuns };
    },
  },
  "an open run with an agent at work": {
    options: { maxRuns: 20_000 },
    make: (bus, count) => {
      const tracer = provider(bus);
      const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a" };
      for (let n = 0; n < count; n += 1) tracer.startSpan("a", { attributes }, ROOT_CONTEXT);
      return { of: bus.stats().activeRuns };
    },
  },
  "an open span that is an event, beside its event": {
    options: { historyPerRun: 1 },
    make: (bus, count) => {
      const tool = toolUnder(bus);
      for (let n = 0; n < count; n += 1) tool();
      return { of: bus.stats().openSpans };
    },
  },
  "an ended span of a run that goes on": {
    options: { historyPerRun: 1 },
    make: (bus, count) => {
      const tool = toolUnder(bus);
      for (let n = 0; n < count; n += 1) tool().end();
      return { of: count };
    },
  },
};

async function bytesOf({ options, make }: Figure): Promise<number> {
  const measured: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const bus = new EventBus(options);
    const before = await heapInUse(5);
    const { of, held } = make(bus, COUNT);
    const after = await heapInUse(5);
    // The first round fills what is made once.
    if (round > 0) measured.push((after - before) / of);
    if (Array.isArray(held)) held.length = 0;
    await bus.shutdown();
  }
  return measured.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
}

context.disable();
// V8 lays objects out for what it saw of their kind, and forgets that when the last of a kind is gone. In a service some are always there.
const others = new EventBus();
others.publish({ runId: "run", type: "note" });
toolUnder(others)().end();
const reader = others.subscribe("run", { after: "live" });
for (const [what, figure] of Object.entries(figures)) {
  console.log(`${(await bytesOf(figure)).toFixed(0).padStart(6)} bytes  ${what}`);
}
reader.close();
