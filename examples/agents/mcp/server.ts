// The tools, in a process of their own. What its bus sees it writes to stderr, a line for each event.

import { MCPInstrumentation } from "@arizeai/openinference-instrumentation-mcp";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import * as serverStdioModule from "@modelcontextprotocol/sdk/server/stdio.js";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { EventBus } from "spanbus";
import { z } from "zod";
import { travelTools } from "../stage/tools.js";

// The run began in the process of the agent, which sends its id along.
const bus = new EventBus({ acceptRemoteRun: true });
new NodeTracerProvider({ spanProcessors: [bus] }).register();
new MCPInstrumentation().manuallyInstrument({ serverStdioModule });
bus.tap((event) => process.stderr.write(`${JSON.stringify(event)}\n`));

const { getWeather, findFlights } = travelTools(bus);
const server = new McpServer({ name: "travel", version: "1.0.0" });
tool("get_weather", getWeather);
tool("find_flights", findFlights);
await server.connect(new serverStdioModule.StdioServerTransport());

/** No instrumentation makes spans on this side. */
function tool(name: string, work: (city: string) => Promise<string>): void {
  const attributes = { "mcp.method.name": "tools/call", "gen_ai.tool.name": name };
  server.registerTool(name, { inputSchema: { city: z.string() } }, ({ city }) =>
    trace
      .getTracer("travel")
      .startActiveSpan(`tools/call ${name}`, { kind: SpanKind.SERVER, attributes }, async (span) => {
        try {
          return { content: [{ type: "text" as const, text: await work(city) }] };
        } catch (error) {
          span.recordException(error as Error);
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      }),
  );
}
