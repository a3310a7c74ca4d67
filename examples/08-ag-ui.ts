/**
 * A front end that speaks AG-UI: an endpoint of a few lines, and the protocol's own client, as CopilotKit and others use it.
 * The agent knows of neither.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpAgent } from "@ag-ui/client";
import { getRequestListener } from "@hono/node-server";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { toAgUi } from "spanbus/ag-ui";
import { dispatch } from "./agent.js";
import { chooseModel } from "./model.js";

// A front end shows whole answers, so events hold whole answers.
const bus = new EventBus({ content: "full" });
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const { model } = await chooseModel();

const server = createServer(getRequestListener(plan)).listen(0, "127.0.0.1");
await once(server, "listening");

const client = new HttpAgent({
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  threadId: "talk-1",
});
await client.runAgent(
  { runId: "run-A" },
  {
    onRunStartedEvent: ({ event }) => console.log(`▸ ${event.runId} of ${event.threadId}`),
    onToolCallEndEvent: ({ toolCallName, toolCallArgs }) =>
      console.log(`  asks ${toolCallName} ${JSON.stringify(toolCallArgs)}`),
    onToolCallResultEvent: ({ event }) => console.log(`  gets ${event.content}`),
    onTextMessageContentEvent: ({ event }) => console.log(`  says ${event.delta}`),
    onRunFinishedEvent: ({ event }) => console.log(`■ ${event.runId} finished`),
  },
);

console.log("\nThe conversation, as the client keeps it:");
for (const { role } of client.messages) console.log(`  ${role}`);
server.close();

/** Sends an agent off, and its run to whoever asked. */
async function plan(request: Request): Promise<Response> {
  const { threadId, runId } = (await request.json()) as { threadId: string; runId: string };
  // On the bus the run has an id of its own: by one that a client may choose, it could read the run of another.
  const ownId = crypto.randomUUID();
  // Subscribed before the agent begins, so that the front end misses nothing of it.
  const events = toAgUi(bus.subscribe(ownId, { types: ["agent.*"] }), { threadId, runId });
  // What it throws is in its events: the front end gets it as RUN_ERROR.
  bus.run(ownId, () => dispatch(model, { from: "Berlin", to: "Oslo" }, { stream: true })).catch(() => {});
  // Pulled by the socket: when the client leaves, the subscription is released.
  const frames = ReadableStream.from(events).pipeThrough(
    new TransformStream({
      transform: (event, out) => out.enqueue(`data: ${JSON.stringify(event)}\n\n`),
    }),
  );
  return new Response(frames.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream" },
  });
}
