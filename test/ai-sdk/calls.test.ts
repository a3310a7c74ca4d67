import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { AlwaysOffSampler, BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, type EventBusOptions, runContext } from "spanbus";
import { observeAiSdk } from "spanbus/ai-sdk";
import { afterEach, describe, expect, it } from "vitest";
import { requestFrom, withContextManager, within } from "../otel/support.js";
import { answer, generate, listen, modelCall, toolCall, traced, types } from "./support.js";

withContextManager();
const inlets: { close(): void }[] = [];
afterEach(() => {
  for (const inlet of inlets.splice(0)) inlet.close();
});

function observed(options?: EventBusOptions) {
  const bus = new EventBus(options);
  inlets.push(observeAiSdk(bus));
  return { bus, events: listen(bus) };
}

const tracerOf = (bus: EventBus) => new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");

describe("a call of the AI SDK", () => {
  it("becomes the events that its spans would have become", async () => {
    const { events } = observed();
    await generate(
      async (callId) => {
        await traced("step", { callId, stepNumber: 0 }, async () => {
          await modelCall(callId, async () => answer);
          await toolCall(callId, "add", async () => ({
            output: { type: "tool-result", output: 2 },
            toolExecutionMs: 1,
          }));
        });
      },
      { functionId: "ann" },
    );
    const input = '[{"role":"user","parts":[{"type":"text","content":"Hello?"}]}]';
    const output = '[{"role":"assistant","parts":[{"type":"text","content":"Hi."}],"finish_reason":"stop"}]';
    const durationMillis = expect.any(Number);
    expect(events.map(({ type, data }) => [type.replace("agent.", ""), data])).toEqual([
      ["invocation.started", { agentName: "ann", provider: "scripted", model: "m", input }],
      ["step.started", { agentName: "ann", name: "step 1", step: 1 }],
      ["model.started", { agentName: "ann", provider: "scripted", model: "m", input }],
      [
        "model.completed",
        {
          agentName: "ann",
          provider: "scripted",
          model: "m",
          responseModel: "m",
          finishReason: "stop",
          output,
          durationMillis,
        },
      ],
      [
        "tokens.used",
        {
          agentName: "ann",
          provider: "scripted",
          model: "m",
          inputTokens: 10,
          outputTokens: 5,
          cacheReadTokens: 4,
          reasoningTokens: 2,
        },
      ],
      [
        "tool.started",
        { agentName: "ann", toolName: "add", toolCallId: "1", toolType: "function", arguments: '{"a":1}' },
      ],
      [
        "tool.completed",
        { agentName: "ann", toolName: "add", toolCallId: "1", toolType: "function", result: "2", durationMillis },
      ],
      ["step.completed", { agentName: "ann", name: "step 1", step: 1, durationMillis }],
      ["invocation.completed", { agentName: "ann", provider: "scripted", model: "m", output, durationMillis }],
      [
        "terminate",
        {
          agentName: "ann",
          reason: "completed",
          durationMillis,
          modelCalls: 1,
          toolCalls: 1,
          failedToolCalls: 0,
          inputTokens: 10,
          outputTokens: 5,
        },
      ],
    ]);
  });

  it("is told to have begun before it is over, and when it began", async () => {
    const { events } = observed();
    const before = Date.now();
    await generate(async () => {
      await new Promise(setImmediate);
      expect(types(events)).toEqual(["invocation.started"]);
    });
    expect(events[0]?.time).toBeGreaterThanOrEqual(before);
    expect(events.map(({ time }) => time)).toEqual(events.map(({ time }) => time).sort((a, b) => a - b));
  });

  it("fails with what was thrown, and is cancelled by an abort", async () => {
    const { bus, events } = observed();
    const boom = new TypeError("boom");
    await expect(generate(async (callId) => modelCall(callId, async () => Promise.reject(boom)))).rejects.toBe(boom);
    expect(events.at(-1)?.data).toMatchObject({ reason: "failed", error: { type: "TypeError", message: "boom" } });
    await expect(generate(async () => Promise.reject(AbortSignal.abort().reason))).rejects.toThrow();
    expect(bus.runs().map(({ outcome }) => outcome)).toEqual(["cancelled", "failed"]);
  });

  it("that fails ends what is open in it: the SDK says nothing more of that", async () => {
    const { events } = observed();
    let end: (() => void) | undefined;
    await generate(async (callId) => {
      const step = traced("step", { callId, stepNumber: 0 }, () => new Promise<void>((resolve) => (end = resolve)));
      step.catch(() => undefined);
      throw new Error("boom");
    }).catch(() => undefined);
    expect(types(events)).toEqual([
      "invocation.started",
      "step.started",
      "step.failed",
      "invocation.failed",
      "terminate",
    ]);
    end?.();
    await new Promise(setImmediate);
    expect(events).toHaveLength(5);
  });

  it("says how the provider failed where the SDK has only an empty stream to tell of", async () => {
    const { events } = observed();
    await generate(async (callId) => {
      await modelCall(callId, async () => Promise.reject(new Error("overloaded"))).catch(() => undefined);
      throw Object.assign(new Error("No output generated."), { name: "AI_NoOutputGeneratedError" });
    }).catch(() => undefined);
    expect(events.at(-1)?.data).toMatchObject({ error: { message: "overloaded" } });
  });

  it("of the embedding of texts, or of their ranking, is one event with its tokens", async () => {
    const { events } = observed();
    const event = { callId: "e", operationId: "ai.embed", provider: "p", modelId: "m", value: "text" };
    await traced("embed", event, async () => ({ embedding: [1], usage: { tokens: 3 } }));
    await traced("rerank", { ...event, operationId: "ai.rerank" }, async () => ({ ranking: [] }));
    expect(types(events)).toEqual([
      "embedding.started",
      "embedding.completed",
      "tokens.used",
      "rerank.started",
      "rerank.completed",
    ]);
    expect(events[2]?.data).toMatchObject({ inputTokens: 3 });
  });

  it("that is no agent's work is no event", async () => {
    const { events } = observed();
    const speech = { callId: "s", operationId: "ai.generateSpeech", text: "Hi." };
    await traced("generateSpeech", speech, async () => ({ audio: {} }));
    await traced("futureThing", { callId: "f" }, async () => undefined);
    expect(events).toEqual([]);
  });
});

describe("the run of a call", () => {
  it("is the one that is bound around it", async () => {
    const { bus, events } = observed();
    await bus.run("mine", () => generate());
    await runContext("theirs", () => generate());
    expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set(["mine", "theirs"]));
    bus.closeStream("theirs");
  });

  it("is that of the active span, and the call is below what that span is", async () => {
    const { bus, events } = observed();
    const outer = tracerOf(bus).startSpan("invoke_agent o", {
      attributes: { "gen_ai.operation.name": "invoke_agent" },
    });
    await within(outer, () => generate());
    outer.end();
    const { traceId, spanId } = outer.spanContext();
    expect(events.every((event) => event.runId === traceId)).toBe(true);
    expect(events[1]).toMatchObject({ type: "agent.invocation.started", traceId, parentSpanId: spanId });
    expect(bus.runs()).toMatchObject([{ outcome: "completed" }]);
  });

  it("is the trace of a span that is not recorded, which nobody tells of: the call is its own root", async () => {
    const { bus, events } = observed();
    const dropped = new BasicTracerProvider({ sampler: new AlwaysOffSampler(), spanProcessors: [bus] });
    const request = dropped.getTracer("app").startSpan("GET /");
    await within(request, () => generate());
    expect(events[0]).toMatchObject({ runId: request.spanContext().traceId });
    expect(events[0]?.parentSpanId).toBeUndefined();
    expect(bus.runs()).toMatchObject([{ outcome: "completed" }]);
  });

  it("is another process's where a request brought a trace along", async () => {
    const { bus, events } = observed();
    const remote = requestFrom();
    await context.with(remote, () => generate());
    expect(events[0]).toMatchObject({ parentSpanId: "b7ad6b7169203331" });
    expect(bus.runs()).toMatchObject([{ state: "open" }]);
  });

  it("is its own trace, where nothing is around it", async () => {
    const { bus, events } = observed();
    await Promise.all([generate(), generate()]);
    expect(bus.runs()).toHaveLength(2);
    expect(events.every(({ runId, traceId }) => runId === traceId && /^[0-9a-f]{32}$/.test(runId))).toBe(true);
    expect(events.every(({ spanId }) => /^[0-9a-f]{16}$/.test(spanId ?? ""))).toBe(true);
  });

  it("is that of the call around it, below the tool that made it, however many go on at once", async () => {
    const { bus, events } = observed();
    const delegate = (callId: string, name: string) =>
      toolCall(callId, name, () => generate(undefined, { functionId: name }));
    await generate(async (callId) => Promise.all(["a", "b", "c"].map((name) => delegate(callId, name))), {
      functionId: "boss",
    });
    const tool = (name: string) => events.find(({ data }) => (data as { toolName?: string }).toolName === name);
    for (const name of ["a", "b", "c"]) {
      const inner = events.find(({ data }) => (data as { agentName?: string }).agentName === name);
      expect(inner?.parentSpanId).toBe(tool(name)?.spanId);
    }
    expect(bus.runs()).toHaveLength(1);
  });

  it("is below a span of somebody else that began inside the tool", async () => {
    const { bus, events } = observed();
    const tracer = tracerOf(bus);
    const attributes = { "gen_ai.operation.name": "invoke_agent" };
    await bus.run("mine", () =>
      generate((callId) =>
        toolCall(callId, "delegate", () => {
          const other = tracer.startSpan("invoke_agent x", { attributes }, ROOT_CONTEXT);
          return within(other, () => generate(undefined, { functionId: "inner" })).finally(() => other.end());
        }),
      ),
    );
    const inner = events.find(({ data }) => (data as { agentName?: string }).agentName === "inner");
    const other = events.find(({ data }) => (data as { agentName?: string }).agentName === "x");
    expect(inner?.parentSpanId).toBe(other?.spanId);
  });

  it("and its conversation are what the application says, where it lets that through", async () => {
    const { bus } = observed();
    await generate(undefined, { runtimeContext: { runId: "app-run", sessionId: "chat-1" } });
    expect(bus.runs()).toMatchObject([{ runId: "app-run", conversationId: "chat-1" }]);
  });

  it("may be chosen by an option that reads the attributes that spans would have", async () => {
    const { bus } = observed({ runId: (span) => `${span.attributes?.["gen_ai.agent.name"]}`, attributes: () => true });
    await generate(undefined, { functionId: "ann" });
    expect(bus.history("ann")[0]?.attributes).toMatchObject({ "gen_ai.request.model": "m" });
  });
});

it("a call tells what is no text by its kind, and never by its bytes", async () => {
  const { events } = observed({ content: "full" });
  const messages = [
    {
      role: "user",
      content: [
        { type: "text", text: "Look:" },
        { type: "image", mediaType: "image/png", image: new Uint8Array([1, 2, 3]) },
        { type: "file", mediaType: "application/pdf", data: "JVBERi0=" },
        { type: "custom", secret: 1 },
      ],
    },
    {
      role: "tool",
      content: [
        { type: "tool-result", toolCallId: "1", toolName: "add", output: { type: "text", value: "2" } },
        { type: "tool-result", toolCallId: "2", toolName: "add", output: { type: "denied" } },
        { type: "tool-result", toolCallId: "3", toolName: "add", result: 3 },
      ],
    },
  ];
  await generate(async () => undefined, { messages });
  const [input] = events.map(({ data }) => (data as { input?: string }).input);
  expect(JSON.parse(input ?? "")).toEqual([
    {
      role: "user",
      parts: [
        { type: "text", content: "Look:" },
        { type: "blob", mime_type: "image/png" },
        { type: "blob", mime_type: "application/pdf" },
        { type: "custom" },
      ],
    },
    {
      role: "tool",
      parts: [
        { type: "tool_call_response", id: "1", response: "2" },
        { type: "tool_call_response", id: "2", response: { type: "denied" } },
        { type: "tool_call_response", id: "3", response: 3 },
      ],
    },
  ]);
});

it("a call leaves its content out where the bus does", async () => {
  const { events } = observed({ content: "none", attributes: () => true });
  await generate(
    async (callId) => {
      await modelCall(callId, async () => answer);
      await toolCall(callId, "add", async () => ({ output: { type: "tool-result", output: "secret" } }));
    },
    { instructions: "secret", messages: [{ role: "user", content: "secret" }] },
  );
  expect(JSON.stringify(events)).not.toMatch(/secret|Hi\./);
});
