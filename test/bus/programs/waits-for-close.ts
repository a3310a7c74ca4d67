// The root span is over, a child is still open: while a reader waits, the close comes although nothing else is left to do.
import { context, trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";

const read = process.argv.includes("read");
const bus = new EventBus({ closeGraceMillis: 200 });
const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("program");
const attributes = { "gen_ai.operation.name": "invoke_agent" };
const root = tracer.startSpan("invoke_agent", { attributes });
tracer.startSpan("chat", { attributes: { "gen_ai.operation.name": "chat" } }, trace.setSpan(context.active(), root));
root.end();
const [run] = bus.runs();
if (read && run) {
  const reader = bus.subscribe(run.runId);
  const readAll = async (): Promise<void> => {
    for await (const { type } of reader) if (type.endsWith(".failed")) console.log(type);
    console.log((await reader.ended).reason);
  };
  readAll();
}
console.log(run?.state);
