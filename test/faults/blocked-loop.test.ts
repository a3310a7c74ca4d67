import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { connect } from "spanbus/client";
import { afterEach, describe, expect, it } from "vitest";
import { publishNote, readOne, readToEnd, shown } from "../bus/support.js";
import { Client, closeAfterEach, serve } from "../http/support.js";
import { Service, traceIdOf, withContextManager } from "../otel/support.js";

withContextManager();
closeAfterEach();

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** As a long computation does it: no timer, no socket, no promise is served meanwhile. */
function block(millis: number): void {
  const end = performance.now() + millis;
  while (performance.now() < end);
}

/** Two ends of a connection within this process: what is written waits in the system until the loop looks. */
async function wire(): Promise<{ from: Socket; to: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const from = connectSocket(typeof address === "object" && address ? address.port : 0, "127.0.0.1");
  const [to] = (await once(server, "connection")) as [Socket];
  closing.push(() => {
    from.destroy();
    to.destroy();
    server.close();
  });
  return { from, to };
}

describe("while the event loop is blocked", () => {
  it("a reader is not ended as idle when an event came meanwhile that the loop had not looked at", async () => {
    const bus = new EventBus();
    const { from, to } = await wire();
    to.on("data", () => publishNote(bus, "run", 1));
    const reader = bus.subscribe("run", { idleTimeoutMillis: 300 });
    const next = reader.next();
    from.write("x");
    block(900);
    expect((await next).value).toMatchObject({ type: "note" });
    expect(await reader.ended).toEqual({ reason: "idle" });
  });

  it("a run is not closed over a span whose end had come", async () => {
    const bus = new EventBus({ closeGraceMillis: 300 });
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");
    const { from, to } = await wire();
    const [opened] = await bus.run("run", async () => {
      const model = tracer.startSpan("chat", { attributes: { "gen_ai.operation.name": "chat" } });
      const { traceId } = model.spanContext();
      to.on("data", () => model.end());
      model.addEvent("begun");
      const runId = bus.runOf(traceId) ?? "";
      const reader = bus.subscribe(runId);
      await readOne(reader);
      tracer.startSpan("invoke_agent", { attributes: { "gen_ai.operation.name": "invoke_agent" } }).end();
      from.write("x");
      block(900);
      return [reader];
    });
    const types = [];
    for await (const { type } of opened ?? []) types.push(type);
    expect(types).toContain("agent.model.completed");
    expect(bus.stats().abandonedSpans).toBe(0);
  });

  it("limits that are due fire once, and no run or reader is left", async () => {
    const bus = new EventBus({ idleTimeoutMillis: 200 });
    const closed: string[] = [];
    bus.tap({ closed: ({ runId }) => closed.push(runId) });
    const readers = Array.from({ length: 20 }, (_, index) => bus.subscribe(`run ${index}`));
    for (let index = 0; index < 20; index += 1) publishNote(bus, `run ${index}`, 1);
    block(700);
    for (const reader of readers) {
      const events = [];
      for await (const event of reader) events.push(event);
      expect(shown(events)).toEqual([1]);
      expect(await reader.ended).toEqual({ reason: "closed", outcome: "idle" });
    }
    expect(closed).toHaveLength(20);
    expect(new Set(closed).size).toBe(20);
    expect(bus.stats()).toMatchObject({ activeRuns: 0, runSubscribers: 0 });
  });

  it("a stream gets one heartbeat for the whole time, and goes on", async () => {
    const bus = new EventBus();
    const client = await Client.open(`${await serve(bus, { heartbeatMillis: 100 })}/events`);
    await client.message();
    block(1000);
    publishNote(bus, "run", 1);
    const [opened, note] = await client.events(2);
    expect([opened?.type, note?.type]).toEqual(["bus.run.opened", "note"]);
  });

  it("a remote reader does not take the endpoint for gone when its events had come", async () => {
    const bus = new EventBus();
    const states: string[] = [];
    const client = connect(await serve(bus), { silenceMillis: 300 });
    const reader = client.subscribeGlobal({ onConnection: (state) => states.push(state) });
    while (bus.stats().globalSubscribers === 0) await new Promise((resolve) => setImmediate(resolve));
    publishNote(bus, "run", 1);
    await readOne(reader);
    await readOne(reader);
    const next = reader.next();
    publishNote(bus, "run", 2);
    // The endpoint writes, then the loop stands still before the client looks.
    await new Promise((resolve) => setImmediate(resolve));
    block(900);
    expect((await next).value).toMatchObject({ type: "note" });
    expect(states).toEqual(["open"]);
    reader.close();
  });

  it("for seconds, but not for as long as a limit, everything goes on as if it had not been", async () => {
    const service = new Service();
    const agent = service.agent("a");
    const runId = traceIdOf(agent);
    const here = service.bus.subscribe(runId);
    const client = connect(await serve(service.bus));
    const remote = client.subscribe(runId);
    const stream = await Client.open(`${await serve(service.bus)}/runs/${runId}/events`);
    const first = [await readOne(here), await readOne(remote), ...(await stream.events(1))];
    expect(first.map(({ type }) => type)).toEqual(Array(3).fill("agent.invocation.started"));
    block(3000);
    service.tool("t", { under: agent }).end();
    agent.end();
    const rest = ["agent.tool.started", "agent.tool.completed", "agent.invocation.completed", "agent.terminate"];
    expect((await readToEnd(here)).map(({ type }) => type)).toEqual(rest);
    expect((await readToEnd(remote)).map(({ type }) => type)).toEqual(rest);
    expect((await stream.toEnd()).map(({ event }) => event).at(-1)).toBe("end");
    expect(await remote.ended).toEqual({ reason: "closed", outcome: "completed" });
    expect(service.bus.stats()).toMatchObject({ dropped: 0, abandonedSpans: 0, openSpans: 0, activeRuns: 0 });
  });
});
