import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dice, publishNote, range, readToEnd, shown } from "../bus/support.js";
import { clientNames } from "./clients.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

describe.runIf(hasRedis()).each(clientNames)("replay and live through %s", (name) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  const stages = new Stages();

  it("have no seam, wherever a reader comes in: 500 times", { timeout: 120_000 }, async () => {
    const [one, other] = [await stages.connect(server.url, name), await stages.connect(server.url, name)];
    const bus = stages.bus({ maxRuns: 600 });
    const relay = stages.relay(bus, one, { maxRuns: 600 });
    const sources = [stages.source(other), stages.source(one)] as const;
    const dice = new Dice(20);
    for (let round = 0; round < 500; round += 1) {
      const runId = `run ${round}`;
      const count = dice.from(5, 40);
      const readers = [];
      for (let n = 1; n <= count; n += 1) {
        publishNote(bus, runId, n);
        if (dice.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
        if (dice.chance(0.1)) await relay.flush();
        if (dice.chance(0.15)) readers.push(dice.pick(sources).subscribe(runId));
      }
      readers.push(dice.pick(sources).subscribe(runId));
      bus.closeStream(runId, "completed");
      for (const reader of readers) {
        expect(shown(await readToEnd(reader)), runId).toEqual(range(1, count));
        expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
      }
    }
    expect(stages.errors).toEqual([]);
  });
});
