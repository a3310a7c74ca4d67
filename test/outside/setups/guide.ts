import { trace } from "@opentelemetry/api";
import { emit } from "spanbus";

const tracer = trace.getTracer("shop");

/** An agent, as an instrumentation would write it. Its tool answers when the backend says so. */
export function guide(): Promise<void> {
  const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "guide" };
  return tracer.startActiveSpan("invoke_agent guide", { attributes }, async (agent) => {
    const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_weather" };
    await tracer.startActiveSpan("execute_tool get_weather", { attributes }, async (tool) => {
      await fetch(`${process.env["BACKEND"]}/wait-for/weather`);
      tool.end();
    });
    emit("order.placed", { total: 12 });
    agent.end();
  });
}
