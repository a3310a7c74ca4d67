import { parseArgs } from "node:util";
import { machine } from "../harness/machine.js";
import { writeSections } from "../harness/page.js";
import { median } from "../harness/statistics.js";
import { number, table } from "../harness/tables.js";
import { bytesOf, type Cost, costOf, type Observed, observe, serviceTimes } from "./measurements.js";
import { microsPerEvent, type Population, type ServiceTimes, type SimulationResult, simulate } from "./simulation.js";

/**
 * `npm run bench:spread` measures what an event costs a producer, Redis and a reader, then simulates many Redis servers with that,
 * and compares the simulation with one and two real ones. `-- --write` puts the tables into docs/DISTRIBUTED.md.
 */
const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });

const BATCHES = [1, 4, 16, 128] as const;
/** One waits for each answer; of many there is always something to do. */
const PRODUCERS = [1, 16] as const;
const SOURCES = 8;
const RUN_EVENTS = [1, 100, 500] as const;
const SHARDS = [1, 2, 4, 8, 16, 32, 64] as const;
const LOADS = [0.2, 0.5, 0.7] as const;
const SEEDS = [1, 2, 3] as const;
const EVENTS = 200_000;
/** Microseconds, as within a data centre. */
const ROUND_TRIP = 500;

const burst = 4;
const populations: Readonly<Record<string, Population>> = {
  "all alike": { runs: 20_000, hugeRuns: 0, hugeEvents: 0, burst },
  "a few huge": { runs: 20_000, hugeRuns: 0.001, hugeEvents: 0.5, burst },
};
/** What one machine can play to real servers. */
const played: Population = { runs: 200, hugeRuns: 0.01, hugeEvents: 0.5, burst };
const PLAYED_RATE = 12_000;

const measuredOn = `${machine()} Node ${process.versions.node}, Redis on the same machine.`;
progress("what an event costs");
const costs = new Map<number, ReadonlyMap<number, Cost>>();
for (const producers of PRODUCERS) {
  const byBatch = new Map<number, Cost>();
  for (const perBatch of BATCHES) byBatch.set(perBatch, await costOf(perBatch, producers));
  costs.set(producers, byBatch);
}
const many = costs.get(16) ?? new Map<number, Cost>();
const service = serviceTimes(many);
const read = new Map<number, Cost>();
for (const perBatch of BATCHES) {
  const [without, withReaders] = [many.get(perBatch), await costOf(perBatch, 16, SOURCES)];
  if (without) {
    read.set(perBatch, {
      redis: (withReaders.redis - without.redis) / SOURCES,
      program: (withReaders.program - without.program) / SOURCES,
    });
  }
}
progress("what a run takes");
const bytes = new Map<number, Awaited<ReturnType<typeof bytesOf>>>();
for (const events of RUN_EVENTS) bytes.set(events, await bytesOf(events));
progress("real servers");
const observed = new Map<number, Observed>();
for (const shards of [1, 2]) observed.set(shards, await observe(shards, played, PLAYED_RATE, 1));

const sections = {
  "spread-costs": `${measuredOn}\n\n${costsTable()}`,
  "spread-bytes": bytesTable(),
  "spread-shards": shardsTable(service),
  "spread-checked": checkedTable(service),
};
for (const section of Object.values(sections)) process.stdout.write(`${section}\n\n`);
if (values.write) writeSections("DISTRIBUTED.md", sections);

function costsTable(): string {
  const lines: string[][] = [];
  for (const [producers, byBatch] of costs) {
    const who = producers === 1 ? "one producer" : `${producers} producers`;
    lines.push([`publish and relay, ${who}: µs of its thread`, ...cells(byBatch, "program")]);
    lines.push([`Redis, ${who}: µs of its thread`, ...cells(byBatch, "redis")]);
  }
  lines.push(["each source that reads it: µs of its thread", ...cells(read, "program")]);
  lines.push(["Redis, for each such source: µs", ...cells(read, "redis")]);
  lines.push(["events a second and core: publish and relay", ...rates(many, "program")]);
  lines.push(["events a second and core: source and reader", ...rates(read, "program")]);
  lines.push(["events a second at which one Redis is full", ...rates(many, "redis")]);
  const fitted = `${number(service.perBatch)} µs a batch and ${number(service.perEvent)} µs an event`;
  return `${table(["events in a batch", ...BATCHES.map(String)], lines)}\n\nRedis takes ${fitted}.`;
}

function cells(by: ReadonlyMap<number, Cost>, what: keyof Cost): string[] {
  return BATCHES.map((perBatch) => number(by.get(perBatch)?.[what] ?? Number.NaN));
}

function rates(by: ReadonlyMap<number, Cost>, what: keyof Cost): string[] {
  return BATCHES.map((perBatch) => rounded(1e6 / (by.get(perBatch)?.[what] ?? Number.NaN)));
}

function bytesTable(): string {
  const lines = [...bytes].map(([events, { redis, program }]) => [
    events === 1 ? "1 event" : `${events} events`,
    kibibytes(redis),
    kibibytes(program),
  ]);
  return table(["a run with", "in Redis", "in the process that publishes"], lines);
}

function shardsTable(times: ServiceTimes): string {
  const full = bytes.get(500)?.redis ?? Number.NaN;
  const lines = Object.entries(populations).flatMap(([name, population]) =>
    SHARDS.map((shards) => {
      progress(`${shards} servers, ${name}`);
      const rateAt = (load: number): number => (load * shards * 1e6) / microsPerEvent(times, population);
      const results = LOADS.map((load) =>
        SEEDS.map((seed) =>
          simulate({
            shards,
            population,
            service: times,
            roundTrip: ROUND_TRIP,
            rate: rateAt(load),
            events: EVENTS,
            seed,
          }),
        ),
      );
      const [quiet = []] = results;
      const hottest = median(quiet.map(({ events }) => (Math.max(...events) * shards) / EVENTS));
      const runs = median(quiet.map((each) => Math.max(...each.runs)));
      return [
        String(shards),
        name,
        number(hottest),
        rounded(rateAt(0.7 / hottest)),
        ...results.map(waited),
        `${Math.round((runs * full) / 2 ** 20)} MiB`,
      ];
    }),
  );
  const head = ["servers", "runs", "hottest, to the mean", "events/s, hottest 70 % busy"];
  const loads = LOADS.map((load) => `p50, p99 at ${load * 100} %, ms`);
  return table([...head, ...loads, "most memory of one"], lines);
}

/** Of several simulations the middle one; where a server is full, it has no end. */
function waited(results: readonly SimulationResult[]): string {
  if (median(results.map(({ loads }) => Math.max(...loads))) > 0.98) return "one is full";
  const millis = (what: "p50" | "p99"): string => number(median(results.map((each) => each[what])) / 1000);
  return `${millis("p50")}, ${millis("p99")}`;
}

function checkedTable(times: ServiceTimes): string {
  const lines: string[][] = [];
  for (const [shards, real] of observed) {
    const { rate, roundTrip } = real;
    const simulated = simulate({
      shards,
      population: played,
      service: times,
      roundTrip,
      rate,
      events: rate * 6,
      seed: 1,
    });
    const percent = (loads: readonly number[]): string => loads.map((load) => `${Math.round(load * 100)} %`).join(", ");
    lines.push([
      String(shards),
      rounded(rate),
      number(roundTrip / 1000),
      percent(real.loads),
      percent(simulated.loads),
      number(real.eventsPerBatch),
      number(simulated.eventsPerBatch),
    ]);
  }
  return table(
    [
      "servers",
      "events/s",
      "round trip, ms",
      "busy, measured",
      "busy, simulated",
      "events in a batch, measured",
      "simulated",
    ],
    lines,
  );
}

/** Two digits are what a machine repeats. */
function rounded(value: number): string {
  if (!Number.isFinite(value) || value <= 0) return "–";
  const step = 10 ** (Math.floor(Math.log10(value)) - 1);
  return (Math.round(value / step) * step).toLocaleString("en-US");
}

function kibibytes(value: number): string {
  return `${number(value / 1024)} KiB`;
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
