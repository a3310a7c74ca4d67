import type { BusEvent, EventBus, RunSnapshot } from "spanbus";
import { createHandler, type Grant } from "spanbus/http";
import type { RedisEventSource } from "spanbus/redis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataOf, generationOf, publishNote, publishNotes, range, readToEnd, shown, taken } from "../bus/support.js";
import { Client, closeAfterEach, serve } from "../http/support.js";
import { withContextManager } from "../otel/support.js";
import { clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis } from "./redis-server.js";
import { servedStage } from "./stage.js";

withContextManager();
closeAfterEach();

describe.runIf(hasRedis()).each(clientNames)("an endpoint that reads from Redis through %s", (name) => {
  const { stages, one, other } = servedStage(name);
  const staged = () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other);
    return { bus, relay, source, ask: askerOf(source) };
  };
  let stage: ReturnType<typeof staged>;
  beforeEach(() => {
    stage = staged();
  });

  describe("and outlives its source", () => {
    beforeEach(async () => {
      const { bus, relay, source } = stage;
      publishNotes(bus, "over", 1, 3);
      bus.closeStream("over", "failed");
      publishNotes(bus, "open", 1, 2);
      await relay.flush();
      source.close();
    });

    it("gives runs that were closed to their end", async () => {
      const { ask } = stage;
      for (const path of ["/runs/over/events", "/events?run=over"]) {
        const response = await ask(path);
        expect([path, response.status]).toEqual([path, 200]);
        const text = await response.text();
        expect(text.match(/"seq":\d/g)).toEqual(['"seq":1', '"seq":2', '"seq":3']);
        expect(text).toContain("event: caught-up");
        expect(text).toContain('"outcome":"failed"');
      }
    });

    it("turns every other stream away, and says when to come again", async () => {
      for (const path of ["/runs/open/events", "/events?run=open", "/events?run=over&run=open", "/events"]) {
        const response = await stage.ask(path);
        expect([path, response.status]).toEqual([path, 503]);
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      }
    });

    it("still shows what is kept", async () => {
      const documents = await Promise.all(["/runs", "/runs/open"].map(async (path) => (await stage.ask(path)).json()));
      expect(documents).toMatchObject([{ runs: [{}, {}] }, { state: "open", events: [{}, {}] }]);
    });
  });

  describe("of a run that another process closes and begins anew all the time", () => {
    let isOver: boolean;
    let storm: Promise<void>;
    beforeEach(async () => {
      const { bus, relay } = stage;
      await life(bus);
      await relay.flush();
      isOver = false;
      storm = (async () => {
        while (!isOver) {
          await life(bus);
          await relay.flush();
        }
      })();
    });
    afterEach(async () => {
      isOver = true;
      await storm;
    });

    it("shows events, state and outcome of one generation", async () => {
      for (let round = 0; round < 300; round += 1) {
        const document = (await (await stage.ask("/runs/r")).json()) as RunSnapshot;
        const [first] = document.events;
        expect(document).toMatchObject({ state: "closed", outcome: "completed", events: [{ seq: 1 }, { seq: 2 }] });
        expect(document.generation).toBe(generationOf(first as BusEvent));
      }
    });

    it("ends each stream with the id of its own last event", async () => {
      for (let round = 0; round < 100; round += 1) {
        const ids = idsOf(await (await stage.ask("/runs/r/events")).text());
        expect(ids).toEqual([expect.stringMatching(/\.1$/), expect.stringMatching(/\.2$/), ids[1]]);
      }
    });
  });

  it("ends a stream that waited for its run with the id of its last event, also when newer ones have begun", async () => {
    const { bus, relay, ask } = stage;
    const response = await ask("/runs/r/events?wait");
    let text = "";
    for await (const chunk of (response.body as AsyncIterable<Uint8Array> | null) ?? []) {
      // It is attached, and there is nothing yet.
      if (text === "") for (let lives = 0; lives < 3; lives += 1) await life(bus);
      await relay.flush();
      text += new TextDecoder().decode(chunk);
    }
    const ids = idsOf(text);
    expect(ids).toEqual([expect.stringMatching(/\.1$/), expect.stringMatching(/\.2$/), ids[1]]);
    expect((await ask(`/runs/r/events?after=${ids[1]}`)).status).toBe(204);
  });

  it("gives a client that waits for a run, behind an event of another life, a place to come back to", async () => {
    const { bus, relay, source } = stage;
    const url = await serve(source);
    const first = await Client.open(`${url}/runs/r/events?wait&after=another-1.5`);
    const [gap] = await first.events(1);
    expect(dataOf(gap)).toEqual({ missed: 0, reason: "generation", resumeAfter: "another-1.5" });
    first.cut();
    const back = { "Last-Event-ID": taken(gap).id };
    const waiting = await Client.open(`${url}/runs/r/events?wait`, back);
    expect([waiting.status, waiting.response.headers["spanbus-state"]]).toEqual([200, "awaited"]);
    await waiting.until("caught-up");
    publishNotes(bus, "r", 1, 2);
    expect(shown(await waiting.events(2))).toEqual([1, 2]);
    await relay.flush();
    const late = await Client.open(`${url}/runs/r/events`, back);
    expect(shown(await late.events(3))).toEqual(["gap 0", 1, 2]);
  });

  it("tells events that never came to Redis, whatever types are asked for", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 2 } });
    publishNotes(bus, "r", 1, 5);
    await relay.flush();
    const history = await (await stage.ask("/runs/r?types=other")).json();
    expect(history).toMatchObject({ events: [{ type: "bus.gap", data: { missed: 3, reason: "cut" } }] });
  });

  it("tells who may read some of all runs nothing of the others, also by what is missing", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 2 } });
    const grant: Grant = { where: ({ runId }) => runId.startsWith("own") };
    const url = await serve(stage.source, { authorize: () => grant });
    const client = await Client.open(`${url}/events`);
    await client.until("caught-up");
    publishNotes(bus, "hidden", 1, 9);
    await relay.flush();
    await one.command("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => stage.source.stats().reconnects > 0);
    publishNote(bus, "own", 1);
    const events = await client.events(3);
    expect(shown(events)).toEqual(["gap 0", "bus.run.opened", 1]);
    expect(JSON.stringify(events)).not.toContain("hidden");
  });

  it("may have a source that is closed: what is kept can be read on, as of a bus that is shut down", async () => {
    const { bus, relay, source } = stage;
    publishNotes(bus, "over", 1, 5);
    bus.closeStream("over", "completed");
    publishNote(bus, "open", 1);
    await relay.flush();
    source.close();
    const over = source.subscribe("over");
    expect(shown(await readToEnd(over))).toEqual(range(1, 5));
    expect(await over.ended).toEqual({ reason: "closed", outcome: "completed" });
    const after = (await source.history("over"))[2]?.id;
    expect(shown(await readToEnd(source.subscribe("over", { after })))).toEqual([4, 5]);
    const open = source.subscribe("open");
    expect(shown(await readToEnd(open))).toEqual([1]);
    expect(await open.ended).toEqual({ reason: "shutdown" });
    const unknown = source.subscribe("unknown");
    expect(await readToEnd(unknown)).toEqual([]);
    expect(await unknown.ended).toEqual({ reason: "shutdown" });
    other.close();
    const late = source.subscribe("over");
    expect(await readToEnd(late)).toEqual([]);
    expect(await late.ended).toEqual({ reason: "shutdown" });
    expect(source.stats()).toMatchObject({ runSubscribers: 0, followedRuns: 0, errors: 1 });
  });
});

/** One generation of the run `r`, from its begin to its end. */
async function life(bus: EventBus): Promise<void> {
  await bus.run("r", async () => {
    publishNotes(bus, "r", 1, 2);
    bus.closeStream("r", "completed");
  });
}

function idsOf(stream: string): string[] {
  return [...stream.matchAll(/^id: (.*)$/gm)].map(([, id]) => id ?? "");
}

function askerOf(source: RedisEventSource): (path: string) => Promise<Response> {
  const handler = createHandler(source, { authorize: () => true });
  return (path) => handler(new Request(`http://localhost${path}`));
}
