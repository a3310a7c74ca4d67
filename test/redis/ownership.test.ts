import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { generationOf, range, readToEnd, shown, typesOf } from "../bus/support.js";
import { Service, withBaggage, withContextManager } from "../otel/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

withContextManager();

/** As a request of the owner says it. */
const fromOwner = withBaggage("r");

describe.runIf(hasRedis()).each(clientNames)("a run of another process, through %s", (name) => {
  const { stages, server, one, other } = servedStage(name);
  const guest = () => {
    const service = new Service({ acceptRemoteRun: true });
    return { ...service, bus: service.bus, service, relay: stages.relay(service.bus, other) };
  };
  const talk = async ({ service }: ReturnType<typeof guest>, toolName: string): Promise<void> => {
    service.tool(toolName, { under: fromOwner }).end();
    await service.bus.forceFlush();
  };
  const owner = () => {
    const bus = stages.bus();
    return { bus, relay: stages.relay(bus, one) };
  };
  const say = ({ bus }: ReturnType<typeof owner>, n: number) => runContext("r", () => bus.emit("note", { n }));

  it("is said to be so by the bus", async () => {
    const { service } = guest();
    service.tool("t", { under: fromOwner }).end();
    expect(service.bus.runInfo("r")).toMatchObject({ runId: "r", owned: false });
    const own = stages.bus();
    runContext("r", () => own.emit("note"));
    expect(own.runInfo("r")?.owned).toBe(true);
    own.closeStream("r");
    expect(own.runs()[0]?.owned).toBe(true);
    expect(own.runInfo("nobody")).toBeUndefined();
  });

  it("is not begun anew by what comes after its end, and not sealed by a close", async () => {
    const [a, b] = [owner(), guest()];
    say(a, 1);
    await a.relay.flush();
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    await talk(b, "late");
    b.bus.closeStream("r", "failed");
    await b.relay.flush();
    expect(b.relay.stats()).toMatchObject({ relayed: 0, lost: { sealed: 2 } });
    const reader = stages.source(one).subscribe("r");
    expect(shown(await readToEnd(reader))).toEqual([1]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("goes on when a process that does not own it closes it", async () => {
    const [a, b] = [owner(), guest()];
    say(a, 1);
    await a.relay.flush();
    await talk(b, "t");
    b.bus.closeStream("r", "failed");
    await b.relay.flush();
    say(a, 2);
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    const reader = stages.source(one).subscribe("r");
    expect(typesOf(await readToEnd(reader))).toEqual(["note", "agent.tool.started", "agent.tool.completed", "note"]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("takes part in its next life, once the owner has begun that", async () => {
    const [a, b] = [owner(), guest()];
    say(a, 1);
    await a.relay.flush();
    await talk(b, "first");
    await b.relay.flush();
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    await talk(b, "between");
    await b.relay.flush();
    say(a, 2);
    await a.relay.flush();
    await talk(b, "second");
    await b.relay.flush();
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    const events = await readToEnd(stages.source(one).subscribe("r"));
    expect(typesOf(events)).toEqual(["note", "agent.tool.started", "agent.tool.completed"]);
    expect(new Set(events.map(generationOf)).size).toBe(1);
    expect(b.relay.stats()).toMatchObject({ relayed: 4, lost: { sealed: 2 } });
  });

  it("may come first in a process that does not own it", async () => {
    const [a, b] = [owner(), guest()];
    await talk(b, "early");
    await b.relay.flush();
    say(a, 1);
    a.bus.closeStream("r", "completed");
    await a.relay.flush();
    const events = await readToEnd(stages.source(one).subscribe("r"));
    expect(typesOf(events)).toEqual(["agent.tool.started", "agent.tool.completed", "note"]);
  });

  describe("that many take part in, each for a moment,", () => {
    const short = { leaseMillis: 20, historyPerRun: 10_000 };
    let visits: number;
    const visit = async (): Promise<void> => {
      visits += 1;
      const service = new Service({ acceptRemoteRun: true });
      const relay = stages.relay(service.bus, other, short);
      service.tool("t", { under: fromOwner }).end();
      await service.bus.forceFlush();
      await relay.close();
    };
    /** Until those that are gone for long are no more than a sum. */
    const manyVisits = async (): Promise<void> => {
      visits = 0;
      for (const _ of range(1, 100)) await visit();
      await until(async () => {
        await visit();
        return Number(await one.command("HLEN", "spanbus:{r}:meta")) < 200;
      });
    };

    it("takes no more room for those that are gone, and still counts what they did", async () => {
      const a = owner();
      say(a, 1);
      await a.relay.flush();
      await manyVisits();
      const source = stages.source(one);
      const figures = { state: "open", toolCalls: visits, openSpans: 0, events: 2 * visits + 1 };
      expect((await source.runs())[0]).toMatchObject(figures);
      const reader = source.subscribe("r");
      await reader.attached;
      say(a, 2);
      await visit();
      a.bus.closeStream("r", "completed");
      await a.relay.flush();
      const events = await readToEnd(reader);
      expect(events.at(-1)?.seq).toBe(2 * visits + 2);
      expect(new Set(events.map(generationOf)).size).toBe(1);
      expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    });

    it("goes on in one that was cut off all the while: told as `generation`, and nothing is lost", async () => {
      const network = await stages.network(server.port);
      const connection = await stages.connect(network.url, name);
      const bus = stages.bus();
      const relay = stages.relay(bus, connection, short);
      const a = owner();
      say(a, 1);
      await a.relay.flush();
      runContext("r", () => bus.emit("note", { n: 2 }));
      await relay.flush();
      network.isDown = true;
      network.cut();
      await manyVisits();
      const reader = stages.source(one, { maxQueueSize: 10_000 }).subscribe("r");
      await reader.attached;
      runContext("r", () => bus.emit("note", { n: 3 }));
      network.isDown = false;
      await relay.flush();
      a.bus.closeStream("r", "completed");
      await a.relay.flush();
      const events = await readToEnd(reader);
      const again = events.slice(events.findIndex(({ type }) => type === "bus.gap"));
      expect(again[0]?.data).toMatchObject({ missed: 0, reason: "generation" });
      expect(again.slice(1).map(({ seq }) => seq)).toEqual(range(1, 2 * visits + 3));
      expect(shown(again.filter(({ type }) => type === "note"))).toEqual([1, 2, 3]);
    });
  });

  it("is lost with its owner, whoever else leaves it", async () => {
    const a = stages.bus();
    const relay = stages.relay(a, one, { leaseMillis: 300 });
    const b = guest();
    runContext("r", () => a.emit("note", { n: 1 }));
    await relay.flush();
    await talk(b, "t");
    await b.relay.flush();
    one.close();
    await b.relay.close();
    const source = stages.source(other, { lookMillis: 20 });
    const reader = source.subscribe("r");
    expect((await readToEnd(reader)).length).toBe(3);
    expect(await reader.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
    await until(async () => (await source.runs())[0]?.outcome === "abandoned");
  });
});
