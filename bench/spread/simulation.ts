import { createHash } from "node:crypto";
import { quantile } from "../harness/statistics.js";

/** What one server needs, in microseconds of its one thread. */
export interface ServiceTimes {
  readonly perBatch: number;
  readonly perEvent: number;
}

/** Runs that publish at the same time. */
export interface Population {
  readonly runs: number;
  /** The part of the runs that is huge, and the part of all events that these publish together. */
  readonly hugeRuns: number;
  readonly hugeEvents: number;
  /** Events that a run publishes in one turn. */
  readonly burst: number;
}

export interface SimulationOptions {
  readonly shards: number;
  readonly population: Population;
  readonly service: ServiceTimes;
  /** From when a server is done until its answer has come back and what waited meanwhile is there; microseconds. */
  readonly roundTrip: number;
  /** Events per second, of all runs. */
  readonly rate: number;
  /** Events to simulate. */
  readonly events: number;
  /** Other numbers, other run ids and other moments. */
  readonly seed: number;
}

export interface SimulationResult {
  /** The part of the time for which each server was busy. */
  readonly loads: readonly number[];
  readonly eventsPerBatch: number;
  /** From the publishing until the server has answered, without the network, in microseconds; of all events. */
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  /** Events that were published to each server, and the runs it has. */
  readonly events: readonly number[];
  readonly runs: readonly number[];
}

/** As in docs/DISTRIBUTED.md. */
export function shardOf(runId: string, shards: number): number {
  return createHash("sha1").update(runId).digest().readUInt32BE() % shards;
}

export function runIdOf(seed: number, index: number): string {
  return `run-${seed}-${index}`;
}

/** Microseconds of a server for one event, where each burst is a batch. */
export function microsPerEvent({ perBatch, perEvent }: ServiceTimes, { burst }: Pick<Population, "burst">): number {
  return perBatch / burst + perEvent;
}

/** As many as a relay sends at once. */
const MAX_BATCH = 128;

interface Run {
  readonly server: Server;
  /** When the events were published that wait for the batch that is under way. */
  waiting: number[];
  isUnderWay: boolean;
}

/**
 * Runs publish bursts at random moments. As in a relay, one batch of a run is under way at a time, and takes what waits, 128
 * events at most. A server takes batches one by one, in the order in which they come.
 */
export function simulate({
  shards,
  population,
  service,
  roundTrip,
  rate,
  events,
  seed,
}: SimulationOptions): SimulationResult {
  const random = randomNumbers(seed);
  const servers = Array.from({ length: shards }, () => new Server(service, roundTrip));
  const runs = Array.from({ length: population.runs }, (_, index): Run => {
    const server = servers[shardOf(runIdOf(seed, index), shards)] as Server;
    server.runs += 1;
    return { server, waiting: [], isUnderWay: false };
  });
  let now = 0;
  for (const burst of burstsOf(population, rate, events, random)) {
    now = burst.at;
    const run = runs[burst.run] as Run;
    run.server.publish(run, population.burst, now);
  }
  for (const server of servers) server.until(Number.POSITIVE_INFINITY);
  const waits = servers.flatMap((server) => server.waits);
  return {
    loads: servers.map(({ busy }) => busy / now),
    eventsPerBatch: waits.length / servers.reduce((sum, { batches }) => sum + batches, 0),
    mean: waits.reduce((sum, wait) => sum + wait, 0) / waits.length,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    events: servers.map((server) => server.waits.length),
    runs: servers.map((server) => server.runs),
  };
}

/** Which run publishes when, in microseconds from the start. */
export function* burstsOf(
  { runs, hugeRuns, hugeEvents, burst }: Population,
  rate: number,
  events: number,
  random: () => number,
): Generator<{ readonly at: number; readonly run: number }> {
  const huge = Math.round(runs * hugeRuns);
  let at = 0;
  for (let published = 0; published < events; published += burst) {
    at -= (Math.log(1 - random()) * burst * 1e6) / rate;
    const place = random() < hugeEvents ? random() * huge : huge + random() * (runs - huge);
    yield { at, run: Math.floor(place) };
  }
}

class Server {
  readonly waits: number[] = [];
  busy = 0;
  batches = 0;
  runs = 0;
  readonly #service: ServiceTimes;
  readonly #roundTrip: number;
  /** Batches that came, the one in the works first, with the moments of their events. */
  readonly #queue: { readonly run: Run; readonly moments: readonly number[] }[] = [];
  /** When the first of the queue is done. */
  #doneAt = Number.POSITIVE_INFINITY;
  /** Answers on their way. */
  readonly #answers: { readonly run: Run; readonly at: number }[] = [];

  constructor(service: ServiceTimes, roundTrip: number) {
    this.#service = service;
    this.#roundTrip = roundTrip;
  }

  publish(run: Run, burst: number, now: number): void {
    this.until(now);
    for (let index = 0; index < burst; index += 1) run.waiting.push(now);
    if (!run.isUnderWay) this.#send(run, now);
  }

  /** Does what is due by then, in order. */
  until(now: number): void {
    for (;;) {
      const answerAt = this.#answers[0]?.at ?? Number.POSITIVE_INFINITY;
      const at = Math.min(answerAt, this.#doneAt);
      if (at > now || at === Number.POSITIVE_INFINITY) return;
      if (at === this.#doneAt) this.#done(at);
      else this.#answered(at);
    }
  }

  #done(at: number): void {
    const done = this.#queue.shift();
    if (!done) return;
    for (const moment of done.moments) this.waits.push(at - moment);
    this.#answers.push({ run: done.run, at: at + this.#roundTrip });
    this.#begin(at);
  }

  #answered(at: number): void {
    const run = this.#answers.shift()?.run;
    if (!run) return;
    run.isUnderWay = false;
    if (run.waiting.length > 0) this.#send(run, at);
  }

  #send(run: Run, now: number): void {
    run.isUnderWay = true;
    this.#queue.push({ run, moments: run.waiting.splice(0, MAX_BATCH) });
    if (this.#queue.length === 1) this.#begin(now);
  }

  #begin(now: number): void {
    this.#doneAt = Number.POSITIVE_INFINITY;
    const [next] = this.#queue;
    if (!next) return;
    const micros = this.#service.perBatch + this.#service.perEvent * next.moments.length;
    this.busy += micros;
    this.batches += 1;
    this.#doneAt = now + micros;
  }
}

/** The same numbers for the same seed, from 0 to 1: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
