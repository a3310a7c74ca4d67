// An agent at work with a bus of defaults, in a process that may write nothing and start nothing. Prints what was opened.
import { subscribe } from "node:diagnostics_channel";
import { context, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";

const opened: string[] = [];
for (const channel of ["net.client.socket", "net.server.socket", "http.client.request.start", "undici:request:create"])
  subscribe(channel, () => opened.push(channel));

async function work(): Promise<void> {
  const bus = new EventBus();
  const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("program");
  const all = bus.subscribeGlobal();
  const agent = tracer.startSpan("invoke_agent", { attributes: { "gen_ai.operation.name": "invoke_agent" } });
  const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t" };
  tracer.startSpan("execute_tool", { attributes: tool }, trace.setSpan(context.active(), agent)).end();
  agent.end();
  await bus.forceFlush();
  await bus.shutdown();
  let events = 0;
  for await (const _ of all) events += 1;
  const used = process
    .getActiveResourcesInfo()
    .filter((resource) => !/^(Pipe|TTY|File|Timeout|MessagePort|FS)/.test(resource));
  console.log(JSON.stringify({ events, opened, used, mayWrite: process.permission?.has("fs.write") ?? false }));
}

void work();
