import { get } from "node:http";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, runContext } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { generationOf, publishNote, publishNotes, range, taken } from "../bus/support.js";
import { requestFrom, withContextManager } from "../otel/support.js";
import { Client, closeAfterEach, eventOf, inAWord, serve } from "./support.js";

closeAfterEach();
withContextManager();

const words = (messages: Parameters<typeof inAWord>[0][]) => messages.map(inAWord);

describe("the stream of one run", () => {
  it("is the history, `caught-up`, live events, and `end`", async () => {
    const bus = new EventBus();
    publishNotes(bus, "r", 1, 3);
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    expect(client.status).toBe(200);
    expect(words(await client.until("caught-up"))).toEqual([1, 2, 3]);
    const last = publishNotes(bus, "r", 4, 5)[1];
    bus.closeStream("r", "completed");
    const rest = await client.toEnd();
    expect(words(rest)).toEqual([4, 5, "end"]);
    expect(rest.at(-1)).toMatchObject({ id: last?.id, data: '{"reason":"closed","outcome":"completed"}' });
  });

  it("carries events as they are, with their id", async () => {
    const bus = new EventBus();
    const event = taken(bus.publish({ runId: "r", type: "note", data: { text: 'zażółć\n\u2028"🙂' } }));
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    const [message] = await client.until("caught-up");
    expect(message && eventOf(message)).toEqual(event);
    expect(message?.id).toBe(event.id);
    expect(message?.event).toBeUndefined();
  });

  it("says what it is, and that nobody shall keep or hold it", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const { response } = await Client.open(`${await serve(bus)}/runs/r/events`);
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
  });

  it("of a run of another process ends where that was detached, though it goes on before it was read to there", async () => {
    const bus = new EventBus({ maxOpenRuns: 1 });
    const provider = new BasicTracerProvider({ spanProcessors: [bus] });
    const work = () => {
      const attributes = { "gen_ai.operation.name": "invoke_agent" };
      provider.getTracer("app").startSpan("agent", { attributes }, requestFrom()).end();
    };
    work();
    const [{ runId } = { runId: "" }] = bus.runs();
    const client = await Client.open(`${await serve(bus)}/runs/${runId}/events`);
    await client.until("caught-up");
    publishNote(bus, "other", 1);
    work();
    const end = (await client.toEnd()).at(-1);
    expect(end).toMatchObject({ event: "end", id: bus.history(runId)[2]?.id });
    expect(JSON.parse(end?.data ?? "")).toMatchObject({ outcome: "detached" });
    const next = await Client.open(`${await serve(bus)}/runs/${runId}/events`, { "Last-Event-ID": end?.id ?? "" });
    const rest = (await next.until("caught-up")).map((message) => eventOf(message).seq);
    expect(rest).toEqual([4, 5, 6]);
  });

  it("ends at once when the run is closed, also one that never had an event", async () => {
    const bus = new EventBus();
    publishNote(bus, "full", 1);
    for (const runId of ["full", "empty"]) bus.closeStream(runId, "failed");
    const url = await serve(bus);
    const full = await (await Client.open(`${url}/runs/full/events`)).toEnd();
    expect(words(full)).toEqual([1, "caught-up", "end"]);
    const empty = await (await Client.open(`${url}/runs/empty/events`)).toEnd();
    expect(words(empty)).toEqual(["caught-up", "end"]);
    expect(empty[1]?.id).toMatch(/\.0$/);
    expect((await Client.open(`${url}/runs/empty/events`, { "Last-Event-ID": empty[1]?.id ?? "" })).status).toBe(204);
  });

  it("of an unknown run is 404, or waits for it with `?wait`", async () => {
    const bus = new EventBus();
    const url = await serve(bus);
    expect((await Client.open(`${url}/runs/later/events`)).status).toBe(404);
    const waiting = await Client.open(`${url}/runs/later/events?wait`);
    expect((await Client.open(`${url}/runs/later/events`)).status, "waiting makes no run").toBe(404);
    expect((await Client.open(`${url}/runs/later`)).status).toBe(404);
    const states = [waiting];
    publishNote(bus, "later", 1);
    states.push(await Client.open(`${url}/runs/later/events?wait`));
    bus.closeStream("later");
    states.push(await Client.open(`${url}/runs/later/events`));
    expect(words(await waiting.toEnd())).toEqual(["caught-up", 1, "end"]);
    expect(states.map(({ response }) => response.headers["spanbus-state"])).toEqual(["awaited", "open", "closed"]);
  });

  it("has only the types asked for, and ends where the run does", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1, "a.x");
    publishNote(bus, "r", 2, "b");
    publishNote(bus, "r", 3, "c");
    const last = publishNote(bus, "r", 4, "d");
    bus.closeStream("r");
    const client = await Client.open(`${await serve(bus)}/runs/r/events?types=a.*,b&types=c`);
    const messages = await client.toEnd();
    expect(words(messages)).toEqual([1, 2, 3, "caught-up", "end"]);
    expect(messages.at(-1)?.id).toBe(last.id);
  });

  it("is cut without `end` at shutdown, so that clients come back", async () => {
    const bus = new EventBus();
    const note = publishNote(bus, "r", 1);
    const url = await serve(bus);
    const client = await Client.open(`${url}/runs/r/events`);
    await client.until("caught-up");
    await bus.shutdown();
    expect(words(await client.toEnd())).toEqual([]);
    const back = await Client.open(`${url}/runs/r/events`, { "Last-Event-ID": note.id });
    expect(back.status, "nor is it told that the run is over").toBe(503);
  });

  it("is cut without `end` when the run is dropped", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    await client.until("caught-up");
    bus.dropHistory("r");
    expect(await client.toEnd()).toEqual([]);
  });

  it("replays what is larger than any chunk", async () => {
    const bus = new EventBus();
    for (const n of range(1, 200)) bus.publish({ runId: "r", type: "note", data: { n, text: "ü".repeat(8000) } });
    bus.closeStream("r");
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    expect(words(await client.toEnd())).toEqual([...range(1, 200), "caught-up", "end"]);
  });

  it("that is quiet gets heartbeats, which are comments", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const client = await Client.open(`${await serve(bus, { heartbeatMillis: 5 })}/runs/r/events`);
    expect(await client.comment()).toBe("heartbeat");
    expect(await client.comment()).toBe("heartbeat");
    publishNote(bus, "r", 2);
    bus.closeStream("r");
    expect(words(await client.toEnd())).toEqual([1, "caught-up", 2, "end"]);
  });
});

describe("a client that comes back", () => {
  it("goes on behind its `Last-Event-ID`, or behind `?after=`; the header is newer", async () => {
    const bus = new EventBus();
    const [one, two] = publishNotes(bus, "r", 1, 3);
    const url = `${await serve(bus)}/runs/r/events`;
    const words = async (address: string, headers = {}) =>
      (await (await Client.open(address, headers)).until("caught-up")).map(inAWord);
    expect(await words(url, { "Last-Event-ID": one?.id })).toEqual([2, 3]);
    expect(await words(`${url}?after=${one?.id}`)).toEqual([2, 3]);
    expect(await words(`${url}?after=${one?.id}`, { "Last-Event-ID": two?.id })).toEqual([3]);
    expect(await words(`${url}?after=live`)).toEqual([]);
  });

  it("with a cursor older than what is kept gets a gap, then the rest", async () => {
    const bus = new EventBus({ historyPerRun: 2 });
    const [first, , third] = publishNotes(bus, "r", 1, 5);
    const url = `${await serve(bus)}/runs/r/events`;
    const messages = await (await Client.open(url, { "Last-Event-ID": first?.id ?? "" })).until("caught-up");
    expect(words(messages)).toEqual(["gap 2", 4, 5]);
    expect(messages[0]?.id).toBe(third?.id);
  });

  it("with a cursor from elsewhere gets a gap, then everything kept", async () => {
    const bus = new EventBus();
    publishNotes(bus, "r", 1, 2);
    const url = `${await serve(bus)}/runs/r/events`;
    const messages = await (await Client.open(url, { "Last-Event-ID": "elsewhere-1.7" })).until("caught-up");
    expect(words(messages)).toEqual(["gap 0", 1, 2]);
    expect(messages[0] && eventOf(messages[0])).toMatchObject({ data: { reason: "generation" } });
  });

  it("is told by 204 that the run is over, also when its next generation is open", async () => {
    const bus = new EventBus();
    const [first, last] = publishNotes(bus, "r", 1, 2);
    const url = `${await serve(bus)}/runs/r/events`;
    const back = (id = "") => Client.open(url, { "Last-Event-ID": id });
    const whileOpen = await back(last?.id);
    expect(whileOpen.status).toBe(200);
    bus.closeStream("r", "cancelled");
    expect(words(await whileOpen.toEnd())).toEqual(["caught-up", "end"]);
    expect(words(await (await back(first?.id)).toEnd())).toEqual([2, "caught-up", "end"]);

    const atEnd = await back(last?.id);
    expect(atEnd.status).toBe(204);
    expect(atEnd.response.headers["spanbus-outcome"]).toBe("cancelled");

    runContext("r", () => publishNote(bus, "r", 1));
    expect(generationOf(taken(bus.history("r")[0]))).not.toBe(generationOf(taken(last)));
    expect((await back(last?.id)).status).toBe(204);
    expect((await back(last?.id)).response.headers["spanbus-outcome"]).toBe("cancelled");
  });

  it("is told the end of the generation it read, although a newer one is open by then", async () => {
    const bus = new EventBus();
    const events = publishNotes(bus, "r", 1, 3);
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    await client.until("caught-up");
    bus.closeStream("r", "failed");
    runContext("r", () => publishNote(bus, "r", 1));
    expect(bus.runs()).toMatchObject([{ runId: "r", state: "open" }]);
    expect(await client.toEnd()).toMatchObject([{ event: "end", id: events[2]?.id }]);
  });
});

describe("a client that leaves", () => {
  it("is released at once", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    await client.until("caught-up");
    const reader = { attached: () => bus.stats().runSubscribers };
    expect(reader.attached()).toBe(1);
    client.cut();
    await vi.waitFor(() => expect(reader.attached()).toBe(0));
  });

  it("while `authorize` thinks leaves no reader behind", async () => {
    const bus = new EventBus();
    publishNote(bus, "r", 1);
    let asked = (_: AbortSignal): void => undefined;
    const question = new Promise<AbortSignal>((resolve) => {
      asked = resolve;
    });
    let allow = (): void => undefined;
    const answer = new Promise<boolean>((resolve) => {
      allow = () => resolve(true);
    });
    const url = await serve(bus, {
      authorize: (request) => {
        asked(request.signal);
        return answer;
      },
    });
    const sent = get(`${url}/runs/r/events`, { agent: false }).on("error", () => undefined);
    const signal = await question;
    sent.destroy();
    await vi.waitFor(() => expect(signal.aborted).toBe(true));
    allow();
    await answer;
    await new Promise((resolve) => setImmediate(resolve));
    expect(bus.stats().runSubscribers).toBe(0);
  });
});
