import { EventEmitter, on } from "node:events";
import { pushable } from "it-pushable";
import { ReplaySubject } from "rxjs";
import { EventBus } from "spanbus";
import { sdk } from "#sdk";
import { turn } from "../harness/clock.js";
import { HISTORY, type Note } from "../inputs/notes.js";
import { agentTrace, play } from "../inputs/spans.js";
import { LimitProcessor } from "../span-path/limit-processor.js";
import type { ReadableSpan, SpanProcessor } from "../span-path/sdk.js";
import { LimitBus } from "./limit.js";

/** What holds things, and how many. */
export interface Held {
  readonly holder: unknown;
  readonly count: number;
}

const RUNS = 200;

async function playAll(processor: SpanProcessor): Promise<void> {
  const tracer = sdk.provider([processor]).getTracer(agentTrace.scope);
  for (let run = 0; run < RUNS; run += 1) {
    play(tracer, agentTrace, HISTORY / 2);
    await turn();
  }
}

export async function eventsOfBus(): Promise<Held> {
  const bus = new EventBus();
  await playAll(bus);
  const { historyEvents: count } = bus.stats();
  if (count !== RUNS * HISTORY) throw new Error(`${count} events are kept`);
  return { holder: bus, count };
}

export async function eventsOfLimit(): Promise<Held> {
  const processor = new LimitProcessor();
  await playAll(processor);
  return { holder: processor, count: RUNS * HISTORY };
}

export async function spans(): Promise<Held> {
  const kept: ReadableSpan[] = [];
  await playAll({
    onStart: () => undefined,
    onEnd: (span) => void kept.push(span),
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  });
  return { holder: kept, count: kept.length };
}

const READERS = 5000;
const RUN = "run";

export async function busReadersAsleep(): Promise<Held> {
  const bus = new EventBus();
  return { holder: [bus, many(() => bus.subscribe(RUN))], count: READERS };
}

export async function busReadersWaiting(): Promise<Held> {
  const bus = new EventBus();
  return { holder: [bus, many(() => bus.subscribe(RUN).next())], count: READERS };
}

export async function limitReadersWaiting(): Promise<Held> {
  const bus = new LimitBus<Note>();
  return { holder: [bus, many(() => bus.subscribe(RUN)[Symbol.asyncIterator]().next())], count: READERS };
}

export async function eventsOnWaiting(): Promise<Held> {
  const emitter = new EventEmitter().setMaxListeners(0);
  return { holder: [emitter, many(() => on(emitter, "note").next())], count: READERS };
}

export async function composedWaiting(): Promise<Held> {
  const subject = new ReplaySubject<Note>(HISTORY);
  const read = (): unknown => {
    const queue = pushable<Note>({ objectMode: true });
    subject.subscribe((note) => queue.push(note));
    return queue.next();
  };
  return { holder: [subject, many(read)], count: READERS };
}

function many(make: () => unknown): unknown[] {
  return Array.from({ length: READERS }, make);
}
