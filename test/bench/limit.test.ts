import { describe, expect, it } from "vitest";
import { LimitBus, type LimitReader } from "../../bench/candidates/limit.js";

async function take(reader: AsyncIterable<number>, count: number): Promise<number[]> {
  const taken: number[] = [];
  for await (const each of reader) {
    taken.push(each);
    if (taken.length === count) break;
  }
  return taken;
}

async function batch(reader: LimitReader<number>): Promise<number[]> {
  for await (const each of reader.batches()) return each;
  return [];
}

function publish(bus: LimitBus<number>, runId: string, from: number, to: number): void {
  for (let n = from; n <= to; n += 1) bus.publish(runId, n);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

// What others are measured against must do the job itself.
describe("the limit of the benchmarks", () => {
  it("gives a late reader the newest 500 events, then what comes", async () => {
    const bus = new LimitBus<number>();
    publish(bus, "run", 1, 700);
    const reader = bus.subscribe("run");
    const reading = take(reader, 510);
    await Promise.resolve();
    publish(bus, "run", 701, 710);
    expect(await reading).toEqual(numbers(201, 710));
  });

  it("gives everything that waits at once", async () => {
    const bus = new LimitBus<number>();
    const reader = bus.subscribe("run");
    const reading = batch(reader);
    publish(bus, "run", 1, 64);
    expect(await reading).toEqual(numbers(1, 64));
  });

  it("counts exactly what a reader lost that is more than 1024 behind", async () => {
    const bus = new LimitBus<number>();
    const reader = bus.subscribe("run");
    publish(bus, "run", 1, 2000);
    expect(reader.dropped).toBe(976);
    expect(await batch(reader)).toEqual(numbers(977, 2000));
    expect(reader.dropped).toBe(976);
  });

  it("forgets the run that was used least recently when there are more than 200", async () => {
    const bus = new LimitBus<number>();
    for (let run = 1; run <= 200; run += 1) bus.publish(`run-${run}`, run);
    bus.publish("run-1", 2);
    bus.publish("run-201", 201);
    expect(await take(bus.subscribe("run-1"), 2)).toEqual([1, 2]);
    bus.publish("run-2", 3);
    expect(await take(bus.subscribe("run-2"), 1)).toEqual([3]);
  });
});
