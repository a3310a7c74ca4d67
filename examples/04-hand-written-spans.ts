/**
 * No framework: an agent loop that writes its spans by hand, after OpenTelemetry's conventions for generative AI. They
 * need nothing but `@opentelemetry/api`.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Attributes, context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { outline } from "./outline.js";

const bus = new EventBus();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const tracer = trace.getTracer("my-agent");

/** Runs `work` in a span that ends with it, as failed if it throws. */
function traced<T>(name: string, kind: SpanKind, attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, { kind, attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.end();
    }
  });
}

function chat(inputTokens: number, finishReason: string): Promise<void> {
  const request = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "example",
    "gen_ai.request.model": "example-large",
  };
  return traced("chat example-large", SpanKind.CLIENT, request, async (span) => {
    await sleep(10);
    span.setAttributes({
      "gen_ai.response.model": "example-large-2",
      "gen_ai.response.finish_reasons": [finishReason],
      "gen_ai.usage.input_tokens": inputTokens,
      "gen_ai.usage.output_tokens": 12,
    });
  });
}

function executeTool(name: string, work: () => Promise<void>): Promise<void> {
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": name,
    "gen_ai.tool.type": "function",
  };
  return traced(`execute_tool ${name}`, SpanKind.INTERNAL, attributes, work);
}

function invokeAgent(): Promise<void> {
  const attributes = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "librarian",
    "gen_ai.conversation.id": "conversation-1",
  };
  return traced("invoke_agent librarian", SpanKind.INTERNAL, attributes, async () => {
    await chat(40, "tool_calls");
    await executeTool("search_catalogue", () => sleep(5));
    await executeTool("reserve_book", () => Promise.reject(new Error("the book is out"))).catch(() => undefined);
    await chat(95, "stop");
  });
}

// No run id is given here, so the trace is the run, and closes when its agent is over.
const reading = (async () => {
  const lineOf = outline();
  for await (const event of bus.subscribeGlobal()) {
    console.log(lineOf(event));
    if (event.type === "bus.run.closed") break;
  }
})();
await invokeAgent();
await reading;

for (const run of bus.runs()) {
  console.log(`\nRun ${run.runId}: ${run.outcome}, ${run.modelCalls} model calls, ${run.toolCalls} tool calls`);
  console.log(`of agent ${run.agentName} in conversation ${run.conversationId}`);
}
