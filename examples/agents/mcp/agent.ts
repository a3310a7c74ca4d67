// An agent whose tools are in another process, over the Model Context Protocol: npm run agent -- mcp
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { MCPInstrumentation as Propagation } from "@arizeai/openinference-instrumentation-mcp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import * as clientStdioModule from "@modelcontextprotocol/sdk/client/stdio.js";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { McpInstrumentation } from "@traceloop/instrumentation-mcp";
import { type BusEvent, EventBus, runContext } from "spanbus";
import { check } from "../stage/checks.js";
import { toolNameOf } from "../stage/tool-name.js";
import { type Watched, watch } from "../stage/watch.js";

// Traceloop makes the spans of the client, OpenInference carries their context to the server.
const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();
new McpInstrumentation().manuallyInstrument({ Client });
new Propagation().manuallyInstrument({ clientStdioModule });

const tracer = trace.getTracer("travel-agent");
const invocation = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "travel-agent" };

/** What the bus of the other process saw. */
const remote: BusEvent[] = [];
const abort = new AbortController();
function seenThere(line: string): void {
  const event = JSON.parse(line) as BusEvent;
  remote.push(event);
  if (event.runId === "Avalon") abort.abort();
}

function plan(city: string): Promise<void> {
  return tracer.startActiveSpan("invoke_agent travel-agent", { attributes: invocation }, async (span) => {
    const server = { command: process.execPath, args: [...process.execArgv, "server.ts"], stderr: "pipe" as const };
    const transport = new clientStdioModule.StdioClientTransport(server);
    createInterface(transport.stderr as Readable).on("line", seenThere);
    const client = new Client({ name: "travel-agent", version: "1.0.0" });
    try {
      // Inside the run: Traceloop hangs every call below the span of the connection.
      await client.connect(transport);
      await client.listTools();
      const calls = ["get_weather", "find_flights"].map((name) => ({ name, arguments: { city } }));
      await Promise.all(calls.map((call) => client.callTool(call, undefined, { signal: abort.signal })));
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      await client.close();
      span.end();
    }
  });
}

/** Binds the run in this process and, by W3C baggage, in the other. */
async function run(city: string): Promise<Watched> {
  const watched = watch(bus, city);
  await runContext(city, () => plan(city), { propagate: true }).catch((error) => console.log(String(error)));
  bus.closeStream(city);
  return watched;
}

const noModel = { modelCalls: 0, inputTokens: 0, outputTokens: 0 };
const [oslo, lisbon] = await Promise.all([run("Oslo"), run("Lisbon")]);
check(oslo, { outcome: "completed", tools: { get_weather: "completed", find_flights: "failed" }, ...noModel });
check(lisbon, { outcome: "completed", tools: { get_weather: "completed", find_flights: "completed" }, ...noModel });
const avalon = await run("Avalon");
check(avalon, { outcome: "cancelled", tools: { get_weather: "failed", find_flights: "failed" }, ...noModel });

// The other process saw each call in the same run, below the span of this side.
const here = [oslo, lisbon, avalon].flatMap(({ events }) => events).filter(({ type }) => type === "agent.tool.started");
for (const event of remote) {
  const call = here.find(({ runId, spanId }) => runId === event.runId && spanId === event.parentSpanId);
  assert.equal(call && toolNameOf(call), toolNameOf(event), `${event.type} in the run ${event.runId} of the server`);
}
assert.equal(remote.filter(({ type }) => type === "agent.tool.started").length, 6);
console.log("All streams were live, whole and right.");
