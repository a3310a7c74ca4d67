import type { BusEvent } from "spanbus";
import type { RedisEventSource } from "spanbus/redis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dice, shown } from "../bus/support.js";
import { withContextManager } from "../otel/support.js";
import { clientNames } from "./clients.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

/**
 * What is wrong with what a reader got. `lives[g][i - 1]` says whether event `i` of life `g` is kept. `after` is what it resumed
 * behind, in the life that it read.
 */
function complaints(events: readonly BusEvent[], lives: readonly boolean[][], after: Place | undefined): string[] {
  const found: string[] = [];
  // Where it began to read nobody told it of what is not kept any more.
  let [life, last, missed] = [after?.g, after?.i, 0];
  for (const event of events) {
    if (event.type === "bus.gap") {
      missed += event.data.missed;
      if (event.data.reason === "generation") [life, last] = [undefined, undefined];
      continue;
    }
    const { g, i } = placeOf(event);
    const name = `${g}.${i}`;
    if (life !== undefined && life !== g) found.push(`${name} among those of ${life}`);
    if (event.seq !== i) found.push(`${name} has seq ${event.seq}`);
    if (last !== undefined) {
      if (i <= last) found.push(`${name} behind ${last}`);
      const left = (lives[g] ?? []).slice(last, i - 1);
      // A reader that comes is not told of events that are not kept.
      if (missed < left.filter(Boolean).length || missed > left.length) found.push(`${missed} told before ${name}`);
    }
    [life, last, missed] = [g, i, 0];
  }
  // Of a life of which it got nothing, it cannot say which it was.
  if (life === undefined) return found;
  const rest = (lives[life] ?? []).slice(last);
  if (missed < rest.filter(Boolean).length || missed > rest.length)
    found.push(`${missed} told of the last ${rest.length}`);
  return found;
}

interface Place {
  readonly g: number;
  readonly i: number;
}

function placeOf(event: BusEvent): Place {
  return event.data as unknown as Place;
}

withContextManager();

describe.runIf(hasRedis()).each(clientNames)("whatever happens to the connections, through %s", (name) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  const stages = new Stages();

  it.each([1, 2, 9, 113, 135, 137])(
    "every reader gets one life of the run, in order, and is told what is missing (%i)",
    async (seed) => {
      const dice = new Dice(seed);
      const admin = await stages.connect(server.url, name);
      await admin.command("FLUSHALL");
      const network = await stages.network(server.port);
      const bus = stages.bus({ historyPerRun: 1 });
      const relay = stages.relay(bus, await stages.connect(server.url, name), {
        historyPerRun: 30,
        retentionMillis: 600_000,
      });
      const sources = [
        stages.source(await stages.connect(network.url, name), { lookMillis: 50, maxQueueSize: 20 }),
        stages.source(await stages.connect(server.url, name), { lookMillis: 50 }),
      ] as const;
      const lives: boolean[][] = [];
      const seen: BusEvent[] = [];
      const wrong: string[] = [];
      const follow = async (source: RedisEventSource, after: BusEvent | undefined, isSlow: boolean): Promise<void> => {
        const reader = source.subscribe("r", after && { after: after.id });
        const events: BusEvent[] = [];
        for await (const event of reader) {
          events.push(event);
          if (event.type !== "bus.gap") seen.push(event);
          if (isSlow) await new Promise((resolve) => setTimeout(resolve, 10));
        }
        const found = complaints(events, lives, after && placeOf(after));
        if (found.length > 0) wrong.push(`${found.join(", ")} in ${shown(events).join(" ")}`);
        expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
      };
      const reading: Promise<void>[] = [];
      for (let g = 0; g < 60; g += 1) {
        const life: boolean[] = [];
        lives.push(life);
        const count = dice.from(3, 80);
        await bus.run("r", async () => {
          for (let i = 1; i <= count; i += 1) {
            const isKept = dice.chance(0.8);
            life.push(isKept);
            bus.emit(isKept ? "note" : "agent.model.chunk", { g, i, n: i });
            if (dice.chance(0.1)) await relay.flush();
            if (dice.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
            if (dice.chance(0.05)) await admin.command("CLIENT", "KILL", "TYPE", "pubsub");
            if (dice.chance(0.03)) network.cut();
            if (dice.chance(0.02)) await admin.command("SCRIPT", "FLUSH");
            if (dice.chance(0.1)) {
              const after = dice.chance(0.5) ? seen.at(-dice.from(1, 60)) : undefined;
              reading.push(follow(dice.pick(sources), after, dice.chance(0.3)));
            }
          }
        });
        bus.closeStream("r", "completed");
      }
      await relay.flush();
      await Promise.all(reading);
      expect(wrong).toEqual([]);
      expect(reading.length).toBeGreaterThan(50);
      expect(relay.stats().lost).toEqual({ outbox: 0, refused: 0, sealed: 0, closed: 0 });
    },
  );
});
