/**
 * An application under a set-up: `agent.ts <module of the set-up>`. It runs an agent as an instrumentation would write it,
 * prints as JSON what the bus made of it, and waits until something was exported.
 */
import * as api from "@opentelemetry/api";
import { getEventBus } from "spanbus";

interface Logs {
  getLoggerProvider(): unknown;
  getLogger(name: string): { emit(record: { eventName: string; attributes?: Record<string, number> }): void };
}

const [setup = "", exportPath = ""] = process.argv.slice(2);
if (setup) await import(`./${setup}`);

// The logs API is a part of the API since 1.10. Packages are named by what is installed, so that both can be compiled.
const apiLogs: string = "@opentelemetry/api-logs";
const logs: Logs = (api as { logs?: Logs }).logs ?? (await import(apiLogs)).logs;

const { SpanStatusCode, trace } = api;
const bus = getEventBus();
const events = bus.subscribe("run-1");
const tracer = trace.getTracer("agent");

await bus.run("run-1", () =>
  span("invoke_agent guide", { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "guide" }, async () => {
    await tool("get_weather", async () => "mild");
    await tool("get_prices", async () => {
      throw new TypeError("no prices");
    }).catch(() => {});
    logs.getLogger("agent").emit({ eventName: "order.placed", attributes: { total: 12 } });
    await span("chat m", { "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" }, async (model) => {
      model.setAttributes({ "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4 });
    });
  }),
);

const told = [];
for await (const { type, data } of events) {
  const { toolName, error, inputTokens } = data as Record<string, unknown>;
  told.push([type, toolName ?? error ?? inputTokens].filter((each) => each !== undefined).join(" "));
}
const { dropped, errors, refused } = bus.stats();
process.stdout.write(`${JSON.stringify({ told, ...(await events.ended), dropped, errors, refused })}\n`);

if (exportPath) {
  await forceFlush(trace.getTracerProvider());
  await forceFlush(logs.getLoggerProvider());
  await fetch(`${process.env["BACKEND"]}/wait-for${exportPath}`);
}
process.exit();

async function forceFlush(given: unknown): Promise<void> {
  const proxy = given as { getDelegate?(): unknown };
  const provider = (proxy.getDelegate?.() ?? given) as { forceFlush?(): Promise<unknown> };
  await provider.forceFlush?.();
}

function tool(name: string, work: () => Promise<string>): Promise<string> {
  return span(`execute_tool ${name}`, { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name }, work);
}

async function span<T>(name: string, attributes: api.Attributes, work: (span: api.Span) => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, async (started) => {
    try {
      return await work(started);
    } catch (error) {
      started.recordException(error as Error);
      started.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      started.end();
    }
  });
}
