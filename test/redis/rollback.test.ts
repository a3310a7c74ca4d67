import type { BusEvent } from "spanbus";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataOf, generationOf, publishNote, publishNotes, range, read, readToEnd, shown } from "../bus/support.js";
import { type Connection, clientNames } from "./clients.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

/** Two producers write one run, and the server goes back to where it was before. */
describe.runIf(hasRedis()).each(clientNames)("a server that forgot the newest, through %s", (name) => {
  const stages = new Stages();
  let server: RedisServer;
  let admin: Connection;
  beforeEach(async () => {
    server = await RedisServer.start();
    admin = await stages.connect(server.url, name);
  });
  afterEach(() => server.stop());
  const parts = ["meta", "events"].map((part) => `spanbus:{r}:${part}`);
  const snapshot = () => Promise.all(parts.map((key) => admin.command("COPY", key, `${key}:old`, "REPLACE")));
  const goBack = () => Promise.all(parts.map((key) => admin.command("RENAME", `${key}:old`, key)));
  const producer = async () => {
    const bus = stages.bus();
    const connection = await stages.connect(server.url, name);
    return { bus, relay: stages.relay(bus, connection, { leaseMillis: 600_000 }), connection };
  };
  type Producer = Awaited<ReturnType<typeof producer>>;
  const say = async ({ bus, relay }: Producer, from: number, to = from): Promise<void> => {
    publishNotes(bus, "r", from, to);
    await relay.flush();
  };
  const idsOf = (events: readonly BusEvent[]) => new Map(events.map((event) => [event.id, shown([event])[0]]));

  it("tells readers of another generation when two producers wrote the run, and gives no number twice", async () => {
    const [a, b] = [await producer(), await producer()];
    const source = stages.source(await stages.connect(server.url, name), { lookMillis: 50 });
    const reader = source.subscribe("r");
    await say(a, 1, 2);
    await say(b, 101);
    await snapshot();
    await say(a, 3, 6);
    const before = await read(reader, 7);
    expect(shown(before)).toEqual([1, 2, 101, 3, 4, 5, 6]);
    await goBack();
    // The one that lost nothing comes first, and would be given the numbers of the others.
    await say(b, 102, 103);
    await say(a, 7);
    a.bus.closeStream("r", "completed");
    const after = await readToEnd(reader);
    const seen = idsOf(before);
    for (const event of after) {
      const known = seen.get(event.id);
      if (event.type !== "bus.gap" && known !== undefined) expect(shown([event])[0]).toBe(known);
    }
    const gap = after.find(({ type }) => type === "bus.gap");
    expect(dataOf(gap)).toMatchObject({ reason: "generation", resumeAfter: before.at(-1)?.id });
    expect(shown(after.filter(({ type }) => type !== "bus.gap")).slice(-3)).toEqual([102, 103, 7]);
    // A cursor of what was lost is told, too.
    const late = await readToEnd(source.subscribe("r", { after: before.at(-1)?.id ?? "" }));
    expect(dataOf(late[0])).toMatchObject({ reason: "generation" });
    expect(shown(late.slice(1)).filter((n) => typeof n === "number")).toEqual([1, 2, 101, 102, 103, 7]);
    expect(new Set(late.map(generationOf)).size).toBe(1);
    expect(generationOf(late[1] as BusEvent)).not.toBe(generationOf(before[0] as BusEvent));
  });

  it("tells it also of a producer that died with it", async () => {
    const [a, b] = [await producer(), await producer()];
    const connection = await stages.connect(server.url, name);
    const source = stages.source(connection, { lookMillis: 50 });
    const reader = source.subscribe("r");
    await say(a, 1, 2);
    await say(b, 101);
    await admin.command("SAVE");
    await say(a, 3, 6);
    const before = await read(reader, 7);
    a.connection.close();
    await server.kill();
    await server.start();
    await say(b, 102, 108);
    b.bus.closeStream("r", "completed");
    const after = await readToEnd(reader);
    expect(dataOf(after[0])).toMatchObject({ reason: "generation", resumeAfter: before.at(-1)?.id });
    // A look may have found it before the other producer spoke.
    const told = after.map(({ type }) => type).lastIndexOf("bus.gap");
    expect(shown(after.slice(told + 1))).toEqual([1, 2, 101, ...range(102, 108)]);
    const late = await readToEnd(source.subscribe("r", { after: before.at(-1)?.id ?? "" }));
    expect(shown(late)).toEqual(["gap 0", 1, 2, 101, ...range(102, 108)]);
  });

  it("lets every producer go on in that generation, which one of them seals for all", async () => {
    const [a, b, c] = [await producer(), await producer(), await producer()];
    // There was a generation before: what is bound to that alone is sealed.
    await say(a, 1);
    a.bus.closeStream("r");
    a.bus.dropHistory("r");
    await say(a, 2);
    await say(b, 101);
    await say(c, 201);
    await snapshot();
    await say(a, 3, 5);
    await say(b, 102);
    await goBack();
    await say(c, 202);
    await say(b, 103);
    await say(a, 6);
    await say(c, 203);
    expect([a, b, c].map(({ relay }) => relay.stats().lost.sealed)).toEqual([0, 0, 0]);
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    await say(b, 104);
    expect(b.relay.stats().lost.sealed).toBe(1);
    const events = await readToEnd(stages.source(admin).subscribe("r"));
    expect(shown(events).filter((n) => typeof n === "number")).toEqual([2, 101, 201, 202, 103, 6, 203]);
    const seqs = events.flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
  });

  it("loses nothing, and nobody is told anything, when it comes back with all and one producer writes", async () => {
    await server.stop();
    server = await RedisServer.start({ persistent: true });
    const a = await producer();
    const reader = stages.source(await stages.connect(server.url, name), { lookMillis: 50 }).subscribe("r");
    for (const round of range(0, 2)) {
      await say(a, 2 * round + 1, 2 * round + 2);
      await server.kill();
      await server.start();
    }
    publishNote(a.bus, "r", 7);
    a.bus.closeStream("r");
    const events = await readToEnd(reader);
    expect(shown(events)).toEqual(range(1, 7));
    expect(new Set(events.map(generationOf)).size).toBe(1);
  });
});
