import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { restoreAfterEach, stopTheClock } from "../bus/support.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";
import { commands } from "./commands.js";
import { World } from "./world.js";

restoreAfterEach();
beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterEach(() => context.disable());

const limits = fc.record({
  historyPerRun: fc.integer({ min: 1, max: 7 }),
  maxQueueSize: fc.integer({ min: 1, max: 7 }),
  maxRuns: fc.integer({ min: 1, max: 4 }),
  maxHistoryBytes: fc.constantFrom(200, 1000, 3000, 1_000_000, 1_000_000),
  maxRunSubscribers: fc.integer({ min: 2, max: 12 }),
  maxGlobalSubscribers: fc.integer({ min: 1, max: 3 }),
  maxOpenRuns: fc.constantFrom(1, 2, 3, 1000, 1000, 1000),
  // None of these times ever falls on one moment with another.
  idleTimeoutMillis: fc.constantFrom(7001, 1_000_001, 1_000_001),
  unreadTimeoutMillis: fc.constantFrom(5029, 1_000_029),
  closeGraceMillis: fc.constantFrom(2407, 2407, 1_000_407),
  transient: fc.constantFrom(["blip"], ["blip", "agent.model.chunk"]),
});

/** Plays programs, and counts what happened in them; `FC_TELL=1` prints it. */
async function play(seed: number, programs: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(limits, fc.commands(commands, { maxCommands: 160, size: "max" }), async (chosen, program) => {
      vi.useRealTimers();
      stopTheClock();
      const world = new World(chosen, seen);
      await fc.asyncModelRun(() => ({ model: {}, real: world }), program);
      await world.finish();
    }),
    { seed, numRuns: programs },
  );
  if (process.env["FC_TELL"])
    process.stdout.write(`${JSON.stringify(Object.fromEntries([...seen].sort()), undefined, 2)}\n`);
  return seen;
}

/** What a program may come to; two runs of CI see each of it many times. */
const happenings = [
  ...["closed", "aborted", "returned", "idle", "evicted", "dropped", "shutdown"].map((reason) => `end ${reason}`),
  ...["lagged", "evicted", "generation"].map((reason) => `gap ${reason}`),
  ...["invalid", "sealed", "withheld", "nested", "unkeyed", "ended", "shutdown"].map((why) => `refused ${why}`),
  ...["delivered", "evictedRuns", "errors", "tricks", "rejected", "joined", "detached", "abandonedSpans"],
];

describe("whatever is done to a bus in whatever order, it does what a plain model of it does,", () => {
  const programs = Number(process.env["FC_RUNS"] ?? 220);
  /** A few programs are not long on average, and do not come to everything. */
  const areMany = programs >= 100;

  it("in the programs of a seed that never changes", { timeout: 300_000 }, async () => {
    const seen = await play(FIXED_SEED, programs);
    if (!areMany) return;
    expect(seen.get("acts")).toBeGreaterThan(programs * 230);
    for (const what of happenings) expect(seen.get(what), what).toBeGreaterThan(programs / 10);
  });

  it(`in those of a fresh one: FC_SEED=${freshSeed} plays them again`, { timeout: 300_000 }, async () => {
    const seen = await play(freshSeed, programs);
    if (areMany) expect(seen.get("acts")).toBeGreaterThan(programs * 230);
  });
});
