import { describe, expect, it } from "vitest";
import { type SimulationOptions, simulate } from "../../bench/spread/simulation.js";

const even = { runs: 2000, hugeRuns: 0, hugeEvents: 0, burst: 1 };
const service = { perBatch: 30, perEvent: 10 };
const options: SimulationOptions = {
  ...{ shards: 1, population: even, service, roundTrip: 0 },
  ...{ rate: 10_000, events: 50_000, seed: 1 },
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

describe("the simulation of many servers", () => {
  it("loses no event, and keeps each run on one server", () => {
    const { events, runs } = simulate({ ...options, shards: 8 });
    expect(sum(events)).toBe(50_000);
    expect(sum(runs)).toBe(2000);
  });

  it("is as busy, and lets wait as long, as the theory of one server with even service times says", () => {
    for (const rate of [10_000, 20_000]) {
      const load = (rate * 40) / 1e6;
      const { loads, mean, eventsPerBatch } = simulate({ ...options, rate });
      expect(eventsPerBatch).toBeCloseTo(1, 1);
      expect(loads[0]).toBeCloseTo(load, 1);
      // Pollaczek and Khinchine, with service times that are all the same.
      expect(mean / (40 + (load * 40) / (2 * (1 - load)))).toBeCloseTo(1, 1);
    }
  });

  it("takes bigger batches when it is overrun, so that it takes more events than one by one", () => {
    const few = { ...even, runs: 20 };
    const { loads, eventsPerBatch } = simulate({ ...options, population: few, rate: 60_000 });
    expect(eventsPerBatch).toBeGreaterThan(1.5);
    expect(loads[0]).toBeLessThan(1.01);
    expect(loads[0]).toBeGreaterThan(0.9);
  });

  it("takes bigger batches, and fewer, when the answers take long", () => {
    const few = { ...options, population: { ...even, runs: 20 } };
    const [near, far] = [simulate(few), simulate({ ...few, roundTrip: 5000 })];
    expect(far.eventsPerBatch).toBeGreaterThan(2 * near.eventsPerBatch);
    expect(far.loads[0]).toBeLessThan(near.loads[0] ?? 0);
  });

  it("has a hottest server that is the hotter the more a few runs publish", () => {
    const hottest = (hugeEvents: number): number => {
      const population = { ...even, hugeRuns: 0.005, hugeEvents };
      return Math.max(...simulate({ ...options, shards: 16, population, rate: 100_000 }).loads);
    };
    expect(hottest(0.5)).toBeGreaterThan(1.3 * hottest(0));
  });

  it("says the same again", () => {
    expect(simulate(options)).toEqual(simulate(options));
    expect(simulate({ ...options, seed: 2 }).p99).not.toBe(simulate(options).p99);
  });
});
