import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AGUIEvent, HttpAgent } from "@ag-ui/client";
import { EventEncoder } from "@ag-ui/encoder";
import { getRequestListener } from "@hono/node-server";
import { context, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, type Subscription } from "spanbus";
import { toAgUi } from "spanbus/ag-ui";
import { connect } from "spanbus/client";
import { createHandler } from "spanbus/http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../examples/agent.js";
import { scriptedModel } from "../../examples/model/scripted.js";
import { withContextManager } from "../otel/support.js";

withContextManager();

let bus: EventBus;
let server: Server;
beforeEach(() => {
  bus = new EventBus({ content: "full" });
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  trace.disable();
  context.disable();
  await bus.shutdown();
});

/** An endpoint for AG-UI clients: each request is a trip, planned by an agent. */
async function serve(to: string, subscribe: (runId: string) => Subscription): Promise<HttpAgent> {
  server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    const { threadId, runId } = JSON.parse(body) as { threadId: string; runId: string };
    const ownId = crypto.randomUUID();
    const events = toAgUi(subscribe(ownId), { threadId, runId });
    bus.run(ownId, () => dispatch(scriptedModel().model, { from: "Berlin", to }, { stream: true })).catch(() => {});
    const encoder = new EventEncoder({ accept: "text/event-stream" });
    response.writeHead(200, { "content-type": encoder.getContentType() });
    for await (const event of events) response.write(encoder.encode(event as unknown as AGUIEvent));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return new HttpAgent({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, threadId: "thread-1" });
}

describe("the official client of AG-UI, over HTTP, of a real agent", () => {
  it("gets calls, results and the answer as messages", async () => {
    const agent = await serve("Oslo", (runId) => bus.subscribe(runId));
    const seen: AGUIEvent[] = [];
    const { newMessages } = await agent.runAgent(
      { runId: "trip-1" },
      { onEvent: ({ event }) => void seen.push(event as AGUIEvent) },
    );

    expect(seen[0]).toMatchObject({ type: "RUN_STARTED", runId: "trip-1", threadId: "thread-1" });
    expect(seen.at(-1)).toMatchObject({ type: "RUN_FINISHED", runId: "trip-1", outcome: { type: "success" } });
    const calls = newMessages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
    expect(calls.map(({ function: { name, arguments: given } }) => [name, JSON.parse(given)])).toEqual([
      ["get_weather", { city: "Oslo" }],
      ["search_flights", { from: "Berlin", to: "Oslo" }],
      ["search_trains", { from: "Berlin", to: "Oslo" }],
    ]);
    const results = newMessages.flatMap((message) =>
      message.role === "tool" ? [[message.toolCallId, message.content]] : [],
    );
    expect(Object.fromEntries(results)).toEqual({
      [calls[0]?.id ?? ""]: '"Sunny, 24 °C in Oslo."',
      [calls[1]?.id ?? ""]: "the flight search did not answer",
      [calls[2]?.id ?? ""]: '"Train Berlin to Oslo, 19:40, 89 €."',
    });
    // The two calls of the first reply stand in one message, as the model made them.
    expect(newMessages.filter(({ role }) => role === "assistant")).toHaveLength(3);
    expect(newMessages.at(-1)).toMatchObject({ role: "assistant", content: expect.stringMatching(/^Oslo it is\./) });
  });

  it("releases the subscription when it leaves in the middle", async () => {
    const subscription = bus.subscribe("trip-3");
    const frames = ReadableStream.from(toAgUi(subscription)).pipeThrough(
      new TransformStream({ transform: (event, out) => out.enqueue(`data: ${JSON.stringify(event)}\n\n`) }),
    );
    const body = frames.pipeThrough(new TextEncoderStream());
    const headers = { "content-type": "text/event-stream" };
    server = createServer(getRequestListener(() => new Response(body, { headers }))).listen(0, "127.0.0.1");
    await once(server, "listening");
    const agent = new HttpAgent({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    bus.publish({ runId: "trip-3", type: "note" });
    await agent.runAgent({}, { onCustomEvent: () => agent.abortRun() }).catch(() => {});
    expect(await subscription.ended).toEqual({ reason: "returned" });
  });

  it("gets the same from a bus in another process", async () => {
    const handler = createHandler(bus, { authorize: () => true });
    const client = connect("http://bus.example", { fetch: async (url, init) => handler(new Request(url, init)) });
    const agent = await serve("Rome", (runId) => client.subscribe(runId));
    const { newMessages } = await agent.runAgent({ runId: "trip-2" });
    expect(newMessages.at(-1)).toMatchObject({ role: "assistant", content: expect.stringMatching(/^Rome it is\./) });
  });
});
