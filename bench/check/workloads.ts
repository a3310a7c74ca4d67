import { BasicTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "../../src/index.js";
import { Keys } from "../../src/redis/keys.js";
import { Outbox } from "../../src/redis/relay/outbox.js";
import { SentRun } from "../../src/redis/relay/sent-run.js";
import { Frames } from "../../src/wire/frames.js";
import { looping } from "../candidates/channel.js";
import { LimitBus } from "../candidates/limit.js";
import { HISTORY, type Note, note, runId } from "../inputs/notes.js";
import { agentTrace, plainTrace, play, SPANS, type TraceInput } from "../inputs/spans.js";
import { LimitProcessor } from "../span-path/limit-processor.js";

/** Work whose instructions are counted. It shows that it was done, or throws. */
export interface Workload {
  /** What one operation is. */
  readonly says: string;
  /** Operations that one call of the work does. */
  readonly operations: number;
  prepare(): Work;
  /** The same operations, done by the leanest that could: whose time it is compared with where nothing counts instructions. */
  limit(): Work;
}

/** Does its operations once. What it awaits is over when it returns. */
export type Work = () => void | Promise<void>;

const READERS = 10;
const BURST = 64;
const BATCH = 16;

export const workloads = {
  publish: {
    says: "an event is published in one of 20 runs, and nobody reads",
    operations: 1000,
    prepare() {
      const bus = new EventBus({ historyPerRun: 50 });
      const work = publishing((id, n) => bus.publish({ runId: id, type: "note", data: note(n) }));
      let published = 0;
      return () => {
        work();
        published += 1000;
        expect(bus.stats({ depths: false }).published, published);
      };
    },
    limit() {
      const bus = new LimitBus<Note>();
      return publishing((id, n) => bus.publish(id, note(n)));
    },
  },
  readers: {
    says: "an event is published and read by ten readers in batches",
    operations: BURST * 16,
    prepare() {
      const bus = new EventBus();
      return reading(
        (n) => bus.publish({ runId: "run", type: "note", data: note(n) }),
        () => bus.subscribe("run").batches(),
      );
    },
    limit() {
      const bus = new LimitBus<Note>();
      return reading(
        (n) => bus.publish("run", note(n)),
        () => bus.subscribe("run").batches(),
      );
    },
  },
  replay: {
    says: "a reader that comes late gets 500 events by `for await`",
    operations: 1,
    prepare() {
      const bus = filled();
      return replaying(() => bus.subscribe("run"));
    },
    limit() {
      const bus = new LimitBus<Note>();
      for (let n = 1; n <= HISTORY; n += 1) bus.publish("run", note(n));
      return replaying(() => bus.subscribe("run"));
    },
  },
  "agent span": {
    says: "a span of an agent starts, is given six attributes, and ends",
    operations: SPANS * 2,
    prepare: () => spansOf(agentTrace, 2 * SPANS + 1),
    limit: () => spans(agentTrace, [new LimitProcessor()]),
  },
  "plain span": {
    says: "a span that is no agent's starts, is given six attributes, and ends",
    operations: SPANS * 2,
    prepare: () => spansOf(plainTrace, 0),
    limit: () => spans(plainTrace, []),
  },
  frame: {
    says: "an event becomes a frame of a stream of server-sent events",
    operations: HISTORY,
    prepare() {
      const events = filled().history("run", { limit: HISTORY });
      return () => {
        const frames = new Frames();
        let bytes = 0;
        for (const event of events) bytes += frames.of(event, { resumable: true }).length;
        if (bytes < 100 * HISTORY) throw new Error(`${bytes} bytes of ${HISTORY} events`);
      };
    },
    limit() {
      const events = filled().history("run", { limit: HISTORY });
      return () => {
        for (const event of events) Buffer.from(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
      };
    },
  },
  "relay batch": {
    says: `an event goes through the outbox of a relay into a batch of ${BATCH}`,
    operations: HISTORY - (HISTORY % BATCH),
    prepare() {
      const bus = filled();
      const events = bus.history("run", { limit: HISTORY });
      const outbox = new Outbox({ maxEvents: 10_000, maxBytes: 2 ** 24 }, () => undefined);
      const run = new SentRun("run", new Keys("spanbus", 0).of("run"));
      let batches = 0;
      const sender = {
        ...{ relay: "relay", historyPerRun: HISTORY, retentionMillis: 3_600_000, leaseMillis: 15_000 },
        nextEpoch: () => `relay-${batches}`,
        nextBatch() {
          batches += 1;
          return batches;
        },
      };
      return () => {
        for (let from = 0; from + BATCH <= events.length; from += BATCH) {
          for (const event of events.slice(from, from + BATCH)) outbox.event(run, "generation", event, false);
          expect(run.fill(outbox, sender, bus.runInfo("run")).events, BATCH);
        }
      };
    },
    limit() {
      const events = filled().history("run", { limit: HISTORY });
      return () => {
        for (let from = 0; from + BATCH <= events.length; from += BATCH)
          JSON.stringify(events.slice(from, from + BATCH));
      };
    },
  },
} satisfies Record<string, Workload>;

/** A bus with a run whose history is full. */
function filled(): EventBus {
  const bus = new EventBus();
  for (let n = 1; n <= HISTORY; n += 1) bus.publish({ runId: "run", type: "note", data: note(n) });
  return bus;
}

/** A thousand events, in twenty runs by turns. */
function publishing(publish: (runId: string, n: number) => void): () => void {
  const ids = Array.from({ length: 20 }, (_, index) => runId(index));
  let n = 0;
  return () => {
    for (let index = 0; index < 1000; index += 1) {
      n += 1;
      publish(ids[n % ids.length] ?? "", n);
    }
  };
}

/** Bursts that ten readers read. */
function reading(publish: (n: number) => void, read: () => AsyncIterable<readonly unknown[]>): Work {
  let received = 0;
  for (let reader = 0; reader < READERS; reader += 1) {
    looping(async () => {
      for await (const events of read()) received += events.length;
    });
  }
  let n = 0;
  return async () => {
    for (let burst = 0; burst < 16; burst += 1) {
      for (let index = 0; index < BURST; index += 1) {
        n += 1;
        publish(n);
      }
      await turn();
    }
    expect(received, n * READERS);
  };
}

function replaying(read: () => AsyncIterable<unknown>): Work {
  return async () => {
    let received = 0;
    for await (const _ of read()) {
      received += 1;
      if (received === HISTORY) break;
    }
    expect(received, HISTORY);
  };
}

/** Two traces, of which each becomes so many events. */
function spansOf(input: TraceInput, events: number): Work {
  const bus = new EventBus({ maxRuns: 20 });
  const work = spans(input, [bus as SpanProcessor]);
  let traces = 0;
  return async () => {
    await work();
    traces += 2;
    expect(bus.stats({ depths: false }).published, traces * events);
  };
}

function spans(input: TraceInput, spanProcessors: SpanProcessor[]): Work {
  const tracer = new BasicTracerProvider({ spanProcessors }).getTracer(input.scope);
  return async () => {
    for (let trace = 0; trace < 2; trace += 1) {
      play(tracer, input);
      await turn();
    }
  };
}

/** Lets everything that is due happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function expect(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`${got} instead of ${wanted}`);
}
