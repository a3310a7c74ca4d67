import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { type Observed, observe } from "./observe.js";
import { recordings } from "./replay.js";

type Counts = Readonly<Record<string, number>>;

/** What each recording holds: when its spans are recognised, and as what. */
const expected: Readonly<Record<string, readonly [known: Counts, operations: Counts]>> = {
  "vercel-ai-sdk-v6": [{ start: 30 }, { invocation: 7, model: 14, tool: 7, embedding: 1, ignored: 1 }],
  "vercel-ai-sdk-v7": [{ start: 44 }, { invocation: 7, step: 14, model: 14, tool: 7, embedding: 2 }],
  "opentelemetry-instrumentation-openai": [{ start: 15 }, { model: 11, embedding: 1, invocation: 1, tool: 2 }],
  "openinference-instrumentation-openai": [{ flush: 15 }, { model: 11, embedding: 1, invocation: 1, tool: 2 }],
  "openinference-instrumentation-langchain+langgraph": [{ flush: 31 }, { workflow: 21, model: 7, tool: 3 }],
  "openinference-instrumentation-openai-agents": [
    { flush: 66 },
    { invocation: 14, workflow: 24, model: 17, tool: 9, handoff: 1, guardrail: 1 },
  ],
  "traceloop-instrumentation-openai": [{ start: 16 }, { model: 10, workflow: 2, invocation: 1, step: 1, tool: 2 }],
  "traceloop-instrumentation-mcp": [
    { start: 7, flush: 1 },
    { mcp: 3, tool: 4, invocation: 1 },
  ],
  "langfuse-tracing": [
    { flush: 22 },
    {
      invocation: 4,
      model: 8,
      tool: 3,
      retrieval: 1,
      guardrail: 1,
      evaluation: 1,
      embedding: 1,
      workflow: 1,
      ignored: 2,
    },
  ],
  "mastra-otel-bridge": [{ start: 65 }, { invocation: 6, step: 21, model: 13, chunk: 17, tool: 7, workflow: 1 }],
  genkit: [{ start: 22 }, { workflow: 4, step: 7, model: 7, tool: 3, embedding: 1 }],
  "google-adk": [{ start: 12 }, { invocation: 2, model: 4, tool: 3, ignored: 3 }],
  "strands-agents": [{ start: 13 }, { invocation: 2, step: 4, model: 4, tool: 3 }],
  "duplicates-openinference+langfuse+traceloop-on-one-openai-client": [{ start: 2, flush: 8 }, { model: 10 }],
  "synthetic-otel-genai-semconv": [
    { start: 17 },
    { invocation: 3, workflow: 1, step: 1, model: 5, tool: 3, mcp: 1, retrieval: 1, embedding: 1, memory: 1 },
  ],
};

/** Tokens of all model calls of a recording, added up by hand; and the operation on which its family counts them. */
const tokens: Readonly<Record<string, readonly [operation: string, input: number, output: number]>> = {
  "vercel-ai-sdk-v6": ["model", 1510, 281],
  "vercel-ai-sdk-v7": ["model", 1510, 281],
  "opentelemetry-instrumentation-openai": ["model", 1610, 261],
  "openinference-instrumentation-openai": ["model", 1320, 212],
  "openinference-instrumentation-langchain+langgraph": ["model", 810, 141],
  "openinference-instrumentation-openai-agents": ["model", 2960, 456],
  "traceloop-instrumentation-openai": ["model", 1080, 178],
  "langfuse-tracing": ["model", 760, 136],
  "mastra-otel-bridge": ["step", 1980, 318],
  genkit: ["model", 810, 141],
  "google-adk": ["model", 500, 106],
  "strands-agents": ["model", 500, 90],
  "synthetic-otel-genai-semconv": ["model", 330, 57],
  "duplicates-openinference+langfuse+traceloop-on-one-openai-client": ["model", 1040, 184],
};

const known = (spans: readonly Observed[], key: "knownAt" | "operation"): Counts => {
  const counts: Record<string, number> = {};
  for (const span of spans) counts[span[key]] = (counts[span[key]] ?? 0) + 1;
  return counts;
};
const nameOf = (path: string): string => basename(path, ".jsonl").replace(/@[\d.]+$/, "");
const of = (spans: readonly Observed[], operation: string): readonly Observed[] =>
  spans.filter((span) => span.operation === operation);
const the = (spans: readonly Observed[], name: string): Observed => {
  const span = spans.find((span) => span.name === name);
  if (span === undefined) throw new Error(`no span is called ${name}`);
  return span;
};

test("there is an expectation for every recording", () => {
  expect(recordings.map(nameOf).sort()).toEqual(Object.keys(expected).sort());
});

test.each(Object.entries(expected))(
  "%s: every span is recognised, in time and as what it is",
  async (name, [at, operations]) => {
    const spans = await observe(name);
    expect(known(spans, "knownAt")).toEqual(at);
    expect(known(spans, "operation")).toEqual(operations);
  },
);

test.each(Object.entries(tokens))("%s: the counts of its model calls", async (name, [operation, input, output]) => {
  const told = of(await observe(name), operation).map((span) => span.tokens);
  expect(told.reduce((sum, tokens) => sum + (tokens?.inputTokens ?? 0), 0)).toBe(input);
  expect(told.reduce((sum, tokens) => sum + (tokens?.outputTokens ?? 0), 0)).toBe(output);
});

test.each(Object.keys(expected))(
  "%s: tools are named from the start, and those that throw have failed",
  async (name) => {
    for (const tool of of(await observe(name), "tool")) {
      expect(tool.started["toolName"]).toMatch(
        /^(get_weather|fail_tool|nope|delegate|ask_sub|ask_inner|observed_tool)$/,
      );
      const fails = /^(fail_tool|nope|observed_tool)$/.test(String(tool.started["toolName"]));
      // A span that was never ended tells nothing of its end.
      if (tool.ended !== undefined) expect(tool.failure !== undefined).toBe(fails);
    }
  },
);

test.each(Object.keys(expected))(
  "%s: every end has what its start had, and a model where there is one",
  async (name) => {
    for (const { started, ended = started, operation } of await observe(name)) {
      const { input: _, arguments: __, ...lasting } = started;
      expect(Object.keys(ended)).toEqual(expect.arrayContaining(Object.keys(lasting)));
      if (operation === "model" && name !== "mastra-otel-bridge" && ended["model"] === undefined) {
        expect(ended).toEqual({ provider: "openai" });
      }
    }
  },
);

describe("what stands in the events", () => {
  test("AI SDK 6: a streamed model call", async () => {
    const call = the(await observe("vercel-ai-sdk-v6"), "ai.streamText.doStream");
    const named = {
      model: "mock-model",
      provider: "mock-provider",
      agentName: "stream-agent",
      conversationId: "sess-1",
    };
    expect(call.started).toEqual({ ...named, input: expect.stringContaining("Weather?") });
    expect(call.ended).toEqual({
      ...named,
      responseModel: "mock-model-2025",
      finishReason: "tool_calls",
      timeToFirstChunkMillis: expect.closeTo(14.44, 1),
      output: expect.stringContaining("get_weather"),
    });
    expect(call.runId).toBe("run-stream-agent");
  });

  test("AI SDK 7: the agent, its steps and its tools", async () => {
    const spans = await observe("vercel-ai-sdk-v7");
    const agent = the(spans, "invoke_agent mock-model");
    expect(agent.started).toMatchObject({
      agentName: "weather-agent",
      conversationId: "sess-1",
      provider: "mock-provider",
    });
    expect(agent.runId).toBe("run-weather-agent");
    expect(the(spans, "step 2").started).toEqual({ conversationId: "sess-1", name: "step 2", step: 2 });
    expect(the(spans, "execute_tool get_weather").ended).toEqual({
      toolName: "get_weather",
      toolCallId: "call_1",
      toolType: "function",
      result: '{"city":"Paris","temp":21}',
    });
  });

  test("OpenInference: the model asked for is not overwritten by the one that answered", async () => {
    const call = the(await observe("openinference-instrumentation-openai"), "OpenAI Chat Completions");
    expect(call.started).toMatchObject({ model: "gpt-4o-mini", provider: "openai" });
    expect(call.ended).toMatchObject({ model: "gpt-4o-mini", responseModel: "gpt-4o-mini-2025-01-01" });
  });

  test("OpenAI Agents: the handoff and the guardrail", async () => {
    const spans = await observe("openinference-instrumentation-openai-agents");
    expect(the(spans, "handoff").ended).toEqual({ from: "Triage agent", to: "Paris agent" });
    expect(the(spans, "no_secrets").ended).toEqual({ name: "no_secrets", triggered: false });
    expect(the(spans, "Weather agent").started).toMatchObject({ agentName: "Weather agent" });
  });

  test("LangChain: an error that carries its stack is one line", async () => {
    const spans = await observe("openinference-instrumentation-langchain+langgraph");
    expect(the(spans, "fail_tool").failure).toEqual({ type: "error", message: "tool exploded: boom" });
  });

  test("Langfuse: failures by level alone", async () => {
    const failed = (await observe("langfuse-tracing")).filter((span) => span.failure !== undefined);
    expect(failed.map(({ name, failure }) => [name, failure?.message])).toEqual([
      ["fail_tool", "tool exploded: boom"],
      ["observed_tool", "tool exploded: boom"],
      ["throwing-agent", "agent failed"],
      ["openai-gen", "Error: 429 mock rate limit"],
    ]);
  });

  test("Mastra: names from the start, the rest at the end, a failed generation with the status OK", async () => {
    const spans = await observe("mastra-otel-bridge");
    const agent = the(spans, "agent run: 'weather-agent'");
    expect(agent.started).toEqual({ agentName: "weather-agent" });
    expect(agent.ended).toMatchObject({ agentName: "Weather Agent", conversationId: "thread-1" });
    expect(agent.runId).toBe("run-a");
    expect(the(spans, "tool: 'get_weather'").ended).toMatchObject({ toolName: "get_weather", toolCallId: "call_1" });
    expect(the(spans, "llm: 'mock-error'").failure?.message).toBe("the model finished with an error");
    expect(the(spans, "agent run: 'err-agent'").failure?.message).toBe("mock rate limit");
  });

  test("Genkit: the counts inside the answer", async () => {
    const call = the(await observe("genkit"), "mock/gpt");
    expect(call.started).toEqual({ model: "mock/gpt", provider: "mock" });
    expect(call.ended).toMatchObject({ finishReason: "stop" });
    expect(call.tokens).toEqual({
      inputTokens: 110,
      outputTokens: 21,
      totalTokens: 131,
      cacheReadTokens: 40,
      reasoningTokens: 8,
    });
  });

  test("Google ADK: names from the start, the rest when the answer is there, reasoning counted as output", async () => {
    const spans = await observe("google-adk");
    expect(the(spans, "invoke_agent weather_agent")).toMatchObject({
      started: { agentName: "weather_agent" },
      ended: { agentName: "weather_agent", conversationId: "sess-1" },
    });
    expect(the(spans, "execute_tool get_weather").ended).toEqual({
      toolName: "get_weather",
      toolCallId: "adk-ca7609f5-05ff-4452-afb4-e9efa382154e",
      toolType: "FunctionTool",
      arguments: '{"city":"Paris"}',
      result: '{"city":"Paris","temp":21}',
    });
    const [, call] = of(spans, "model");
    expect(call?.ended).toEqual({
      model: "mock-model",
      agentName: "weather_agent",
      conversationId: "sess-1",
      responseModel: "mock-model-2025",
      finishReason: "stop",
      input: expect.stringContaining("Weather?"),
      output: '{"role":"model","parts":[{"text":"Final answer 2"}]}',
    });
    expect(call?.tokens).toEqual({
      inputTokens: 120,
      outputTokens: 30,
      totalTokens: 150,
      cacheReadTokens: 40,
      reasoningTokens: 8,
    });
  });

  test("Strands: the turns of the loop, and a model call without a provider", async () => {
    const spans = await observe("strands-agents");
    expect(of(spans, "step").map(({ started }) => started)).toEqual([
      { name: "cycle-1", step: 1 },
      { name: "cycle-2", step: 2 },
      { name: "cycle-1", step: 1 },
      { name: "cycle-2", step: 2 },
    ]);
    expect(the(spans, "chat").started).toEqual({ model: "mock-model" });
    expect(the(spans, "invoke_agent parallel-agent").started).toMatchObject({
      agentName: "parallel-agent",
      conversationId: "sess-1",
    });
  });

  test("Traceloop: MCP calls are tools, sessions and lists are requests", async () => {
    const spans = await observe("traceloop-instrumentation-mcp");
    expect(the(spans, "get_weather.tool").started).toMatchObject({ toolName: "get_weather", mcp: true });
    expect(the(spans, "tools/list.mcp").started).toEqual({ mcpMethod: "tools/list" });
    expect(the(spans, "mcp.client.session").operation).toBe("mcp");
  });

  test("Traceloop: the conversation that was named, not the session beside it", async () => {
    const spans = await observe("traceloop-instrumentation-openai");
    expect(the(spans, "weather_agent.agent").started).toMatchObject({
      agentName: "weather_agent",
      conversationId: "conv-1",
    });
  });
});
