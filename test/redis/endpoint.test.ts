import type { BusEvent } from "spanbus";
import { connect } from "spanbus/client";
import type { Authorize } from "spanbus/http";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes, readOne, readToEnd } from "../bus/support.js";
import { Command, closeAfterEach as endCommandsAfterEach, run } from "../cli/support.js";
import { Client, closeAfterEach, inAWord, serve } from "../http/support.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

endCommandsAfterEach();
closeAfterEach();

describe.runIf(hasRedis())("over an endpoint, a run whose producer is lost", () => {
  const { stages, server, one, other } = servedStage("node-redis");

  /** A run of one event whose producer will not be heard of any more, and the address of an endpoint that shows it. */
  async function losing(): Promise<string> {
    const dead = await stages.connect(server.url, "node-redis");
    const bus = stages.bus();
    const relay = stages.relay(bus, dead, { leaseMillis: 300 });
    publishNote(bus, "r", 1);
    await relay.flush();
    dead.close();
    return serve(stages.source(other, { lookMillis: 100 }));
  }

  const end = { reason: "producer-lost", outcome: "abandoned" } as const;

  it("ends its stream with that, and one that comes back with the cursor of this end is told so", async () => {
    const url = await losing();
    const messages = await (await Client.open(`${url}/runs/r/events`)).toEnd();
    expect(messages.map(inAWord)).toEqual([1, "caught-up", "end"]);
    const [event, , over] = messages;
    expect([over?.id, JSON.parse(over?.data ?? "")]).toEqual([event?.id, end]);
    const back = await Client.open(`${url}/runs/r/events`, { "Last-Event-ID": over?.id ?? "" });
    expect([back.status, back.response.headers["spanbus-outcome"], back.response.headers["spanbus-reason"]]).toEqual([
      204,
      end.outcome,
      end.reason,
    ]);
  });

  it("ends its part of a stream of several runs", async () => {
    const messages = await (await Client.open(`${await losing()}/events?run=r`)).toEnd();
    expect(messages.map(inAWord)).toEqual([1, "caught-up", "end"]);
    expect(JSON.parse(messages.at(-1)?.data ?? "")).toEqual({ runId: "r", ...end });
  });

  it("ends a client as a reader at Redis, also one that has read it before", async () => {
    const client = connect(await losing());
    const reader = client.subscribe("r");
    expect(await readToEnd(reader)).toHaveLength(1);
    expect(await reader.ended).toEqual(end);
    const again = client.subscribe("r", { after: reader.lastId });
    expect(await readToEnd(again)).toEqual([]);
    expect(await again.ended).toEqual(end);
  });

  it("goes on for a client that comes back, if another producer goes on with it", async () => {
    const client = connect(await losing());
    const reader = client.subscribe("r");
    await readToEnd(reader);
    const next = stages.bus();
    const relay = stages.relay(next, one);
    publishNote(next, "r", 2);
    await relay.flush();
    const again = client.subscribe("r", { after: reader.lastId });
    expect(await readOne(again)).toMatchObject({ seq: 2, data: { n: 2 } });
  });

  it("makes `spanbus tail` exit as for one that was abandoned", { timeout: 30_000 }, async () => {
    const { code, output, notes } = await run(["tail", await losing(), "--run", "r"]);
    expect([code, notes]).toEqual([1, ""]);
    expect(output).toContain("abandoned");
  });
});

describe.runIf(hasRedis())("over an endpoint, the gap of events that did not come to Redis", () => {
  const { stages, server, other } = servedStage("node-redis");

  /** A run that lost events on the way, behind an endpoint at which only notes may be read. */
  async function lossy(): Promise<string> {
    const network = await stages.network(server.port);
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(network.url, "node-redis"), { outbox: { maxEvents: 3 } });
    publishNote(bus, "r", 1);
    await relay.flush();
    network.isDown = true;
    network.cut();
    publishNotes(bus, "r", 2, 30);
    network.isDown = false;
    await relay.flush();
    const authorize: Authorize = (_, { scope }) =>
      scope === "run" ? { where: ({ type }) => String(type) === "note" } : true;
    return serve(stages.source(other), { authorize });
  }

  it("is in the history whatever the types asked for, and whatever may be read", async () => {
    const url = await lossy();
    const all = (await connect(url).history("r")).map(({ type }) => String(type));
    expect(all.filter((type) => type === "bus.gap")).toHaveLength(1);
    const noted = (await (await fetch(`${url}/runs/r?types=note`)).json()) as { events: BusEvent[] };
    expect(noted.events.map(({ type }) => String(type))).toEqual(all);
    const others = (await (await fetch(`${url}/runs/r?types=other`)).json()) as { events: BusEvent[] };
    expect(others.events.map(({ type }) => String(type))).toEqual(["bus.gap"]);
  });

  it("is a line of `spanbus tail` whatever the types asked for", { timeout: 30_000 }, async () => {
    const command = new Command(["tail", await lossy(), "--since", "all", "--types", "note"]);
    expect(await command.line("⚠")).toContain("missing");
  });
});
