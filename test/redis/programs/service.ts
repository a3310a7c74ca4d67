/** One service of several that write the same run: the first calls the second, with the run in the baggage of the request. */
import { createServer } from "node:http";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { core } from "@opentelemetry/sdk-node";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, runContext } from "spanbus";
import { RedisRelay } from "spanbus/redis";
import { type ClientName, clients } from "../clients.js";

const [url = "", name = "node-redis", runId = "", next] = process.argv.slice(2);

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(
  new core.CompositePropagator({
    propagators: [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()],
  }),
);
const bus = new EventBus({ acceptRemoteRun: true });
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
const tracer = trace.getTracer("service");
const { client, close } = await clients[name as ClientName](url);
const relay = new RedisRelay(bus, { client });

async function tool(toolName: string, work: () => Promise<void>): Promise<void> {
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": toolName };
  await tracer.startActiveSpan(`execute_tool ${toolName}`, { attributes }, async (span) => {
    await work();
    span.end();
  });
}

if (next === undefined) {
  const server = createServer((request, response) => {
    const incoming = propagation.extract(context.active(), request.headers);
    context.with(incoming, async () => {
      await tool("far", async () => undefined);
      await bus.forceFlush();
      await relay.flush();
      response.end();
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address && typeof address === "object") process.stdout.write(`http://127.0.0.1:${address.port}\n`);
  });
} else {
  await runContext(
    runId,
    async () => {
      for (let call = 0; call < 20; call += 1) {
        await tool("near", async () => {
          // A span that has just begun is published a moment later.
          await bus.forceFlush();
          await relay.flush();
          const headers: Record<string, string> = {};
          propagation.inject(context.active(), headers);
          await (await fetch(next, { headers })).text();
        });
      }
    },
    { propagate: true },
  );
  bus.closeStream(runId, "completed");
  await relay.close();
  close();
  process.stdout.write("done http://127.0.0.1:0\n");
}
