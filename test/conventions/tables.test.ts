import { type Claim, defaultConventions, type EndedSpanView, Interpreter } from "spanbus/conventions";
import { beforeEach, describe, expect, test } from "vitest";
import { asText, untold } from "./observe.js";

/** A new one for each test, since it prepares itself for the first span that it sees. */
let interpreter: Interpreter;
beforeEach(() => {
  interpreter = new Interpreter(defaultConventions);
});

/** A span by name and attributes, as instrumentations write them. */
function look(name: string, attributes: Record<string, unknown>, more: Partial<EndedSpanView> = {}) {
  const view: EndedSpanView = { name, scope: "", attributes, status: { code: 0 }, ...more };
  const claim = interpreter.classify(view);
  const claimed = claim as Claim;
  return {
    claim: claim && `${claim.convention.name}: ${claim.operation}`,
    operation: claim?.operation,
    started: () => interpreter.started(claimed, view, asText),
    ended: () => untold(interpreter.ended(claimed, view, asText), interpreter.started(claimed, view, asText)),
    tokens: () => interpreter.tokens(claimed, view),
    failure: () => interpreter.failure(claim, view),
    runId: interpreter.runId(claim, view),
    conversationId: interpreter.read(claim, view, asText).value("conversationId"),
  };
}

const operation = (attributes: Record<string, unknown>, name = "span"): string | undefined =>
  look(name, attributes).operation;

describe("OpenTelemetry GenAI", () => {
  test.each([
    ["chat", "model"],
    ["text_completion", "model"],
    ["generate_content", "model"],
    ["embeddings", "embedding"],
    ["execute_tool", "tool"],
    ["invoke_agent", "invocation"],
    ["create_agent", "invocation"],
    ["invoke_workflow", "workflow"],
    ["workflow", "workflow"],
    ["plan", "step"],
    ["agent_step", "step"],
    ["retrieval", "retrieval"],
    ["rerank", "rerank"],
    ["search_memory", "memory"],
    ["update_memory", "memory"],
    ["create_memory_store", "memory"],
    ["run_guardrail", "guardrail"],
    ["apply_guardrail", "guardrail"],
    ["fetch_response", "ignored"],
  ])("%s is a %s", (word, expected) => {
    expect(operation({ "gen_ai.operation.name": word })).toBe(expected);
  });

  test("what Sentry writes of an answer and a tool is read", () => {
    const call = look("chat", { "gen_ai.operation.name": "chat", "gen_ai.response.text": '["hi"]' });
    expect(call.ended()).toMatchObject({ output: '["hi"]' });
    const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.input": "{}", "gen_ai.tool.output": "7" };
    expect(look("execute_tool t", tool).started()).toMatchObject({ arguments: "{}" });
    expect(look("execute_tool t", tool).ended()).toMatchObject({ result: "7" });
  });

  test("an operation of nobody's is left alone, and so are attributes without one", () => {
    expect(operation({ "gen_ai.operation.name": "dance" })).toBeUndefined();
    expect(
      operation({ "gen_ai.agent.name": "a", "gen_ai.request.model": "m", "session.id": "s" }, "GET /"),
    ).toBeUndefined();
  });

  test("names say what attributes do not, where there are such attributes", () => {
    expect(operation({ "gen_ai.request.model": "m" }, "chat m")).toBe("model");
    expect(operation({}, "chat m")).toBeUndefined();
    expect(look("invoke_agent Ann", { "gen_ai.agent.id": "1" }).started()).toEqual({ agentName: "Ann" });
  });

  test("an agent without a name has that of its span, unless it is the model's", () => {
    const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt" };
    expect(look("invoke_agent Ann", attributes).started()).toEqual({ agentName: "Ann", model: "gpt" });
    expect(look("invoke_agent gpt", attributes).started()).toEqual({ model: "gpt" });
  });

  test("all token counts, in the spellings of three versions", () => {
    const chat = { "gen_ai.operation.name": "chat" };
    const now = look("chat m", {
      ...chat,
      "gen_ai.usage.input_tokens": 110,
      "gen_ai.usage.output_tokens": 21,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.cache_creation.input_tokens": 5,
      "gen_ai.usage.reasoning.output_tokens": 8,
    });
    const counts = { inputTokens: 110, outputTokens: 21, cacheReadTokens: 40, cacheWriteTokens: 5, reasoningTokens: 8 };
    expect(now.tokens()).toEqual(counts);
    const next = look("chat m", { ...chat, "gen_ai.usage.cache_write.input_tokens": 25 });
    expect(next.tokens()).toEqual({ cacheWriteTokens: 25 });
    const old = look("chat m", { ...chat, "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 5 });
    expect(old.tokens()).toEqual({ inputTokens: 10, outputTokens: 5 });
  });

  test("a memory operation has what was sought and what was found", () => {
    const search = { "gen_ai.operation.name": "search_memory", "gen_ai.memory.query.text": "her dog" };
    expect(look("search_memory", search).started()).toMatchObject({ input: "her dog" });
    expect(look("search_memory", { ...search, "gen_ai.memory.records": "[]" }).ended()).toMatchObject({ output: "[]" });
  });

  test("an evaluation has name, score and label; a score may be negative", () => {
    const attributes = {
      "openinference.span.kind": "EVALUATOR",
      "gen_ai.evaluation.name": "relevance",
      "gen_ai.evaluation.score.value": -0.5,
      "gen_ai.evaluation.score.label": "fail",
    };
    expect(look("eval", attributes).ended()).toEqual({ name: "relevance", score: -0.5, label: "fail" });
  });

  test("a guard of Traceloop is triggered when it failed", () => {
    const guard = { "gen_ai.operation.name": "guard", "gen_ai.guardrail.name": "pii", "gen_ai.guardrail.input": "in" };
    expect(look("pii.guard", guard).started()).toEqual({ name: "pii", input: "in" });
    expect(look("pii.guard", { ...guard, "gen_ai.guardrail.status": "FAILED" }).ended()).toMatchObject({
      triggered: true,
    });
    expect(look("pii.guard", { ...guard, "gen_ai.guardrail.status": "PASSED" }).ended()).toMatchObject({
      triggered: false,
    });
  });
});

describe("MCP", () => {
  test("a call of a tool is a tool, everything else a request", () => {
    const call = look("tools/call add", { "mcp.method.name": "tools/call", "gen_ai.tool.name": "add" });
    expect(call.claim).toBe("MCP: tool");
    expect(call.started()).toEqual({ toolName: "add", mcp: true });
    expect(look("tools/call add", { "mcp.method.name": "tools/call" }).started()).toEqual({
      toolName: "add",
      mcp: true,
    });
    const added = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "add" };
    expect(look("execute_tool add", { ...added, "mcp.method.name": "tools/call" }).started().mcp).toBe(true);
    const list = look("tools/list", { "mcp.method.name": "tools/list", "mcp.session.id": "1" });
    expect(list.claim).toBe("MCP: mcp");
    expect(list.started()).toEqual({ mcpMethod: "tools/list" });
  });

  test("its attributes on a tool span that is already there make it an MCP call", () => {
    const attributes = {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "add",
      "gen_ai.tool.call.id": "call_1",
      "mcp.method.name": "tools/call",
    };
    expect(look("execute_tool add", attributes).ended()).toEqual({ toolName: "add", toolCallId: "call_1", mcp: true });
  });
});

describe("AI SDK", () => {
  test("version 5: generateObject is an agent around a model call", () => {
    const call = {
      "ai.operationId": "ai.generateObject",
      "ai.model.id": "gpt",
      "ai.model.provider": "openai.responses",
      "ai.telemetry.functionId": "extract",
      "ai.prompt": '{"prompt":"x"}',
      "ai.response.object": '{"a":1}',
      "ai.usage.inputTokens": 10,
    };
    const agent = look("ai.generateObject", call);
    expect(agent.claim).toBe("AI SDK: invocation");
    const known = { agentName: "extract", model: "gpt", provider: "openai" };
    expect(agent.started()).toEqual({ ...known, input: '{"prompt":"x"}' });
    expect(agent.ended()).toEqual({ ...known, output: '{"a":1}' });
    const model = look("ai.generateObject.doGenerate", {
      ...call,
      "ai.operationId": "ai.generateObject.doGenerate",
      "ai.response.finishReason": "stop",
      "ai.response.model": "gpt-2025",
      "gen_ai.system": "openai.responses",
      "gen_ai.request.model": "gpt",
      "ai.usage.outputTokens": 5,
      "ai.usage.totalTokens": 15,
      "ai.usage.cachedInputTokens": 4,
      "ai.usage.reasoningTokens": 2,
    });
    expect(model.claim).toBe("AI SDK: model");
    expect(model.ended()).toEqual({ ...known, responseModel: "gpt-2025", finishReason: "stop", output: '{"a":1}' });
    expect(model.tokens()).toEqual({
      inputTokens: 10,
      outputTokens: 5,
      totalTokens: 15,
      cacheReadTokens: 4,
      reasoningTokens: 2,
    });
  });

  test("every call of a model is one, also of methods that come later; embeddings have one wrapper", () => {
    const of = (id: string): string | undefined => operation({ "ai.operationId": id });
    expect(["ai.streamObject.doStream", "ai.somethingNew.doGenerate"].map(of)).toEqual(["model", "model"]);
    expect(["ai.embed", "ai.embedMany", "ai.rerank"].map(of)).toEqual(["ignored", "ignored", "ignored"]);
    expect(["ai.embed.doEmbed", "ai.embedMany.doEmbed", "ai.rerank.doRerank"].map(of)).toEqual([
      "embedding",
      "embedding",
      "rerank",
    ]);
    expect(of("ai.unheardOf")).toBeUndefined();
  });

  test("version 4: counts of prompt and completion", () => {
    const attributes = {
      "ai.operationId": "ai.generateText.doGenerate",
      "ai.usage.promptTokens": 3,
      "ai.usage.completionTokens": 4,
    };
    expect(look("ai.generateText.doGenerate", attributes).tokens()).toEqual({ inputTokens: 3, outputTokens: 4 });
  });

  test("run and conversation are what the application said, in the metadata or in the context of version 7", () => {
    const metadata = {
      "ai.operationId": "ai.generateText",
      "ai.telemetry.metadata.runId": "run-1",
      "ai.telemetry.metadata.sessionId": "s-1",
    };
    expect(look("ai.generateText", metadata)).toMatchObject({ runId: "run-1", conversationId: "s-1" });
    const context = {
      "gen_ai.operation.name": "invoke_agent",
      "ai.settings.context.runId": "run-2",
      "ai.settings.context.threadId": "t-2",
    };
    expect(look("invoke_agent m", context)).toMatchObject({ runId: "run-2", conversationId: "t-2" });
    expect(look("x", { ...context, ...metadata })).toMatchObject({ runId: "run-1" });
  });

  test("a stream that ended in an error failed although its status is unset", () => {
    const attributes = { "ai.operationId": "ai.streamText.doStream", "ai.response.finishReason": "error" };
    expect(look("ai.streamText.doStream", attributes).failure()?.type).toBe("error");
  });
});

describe("LangSmith", () => {
  const of = (kind: string, more: Record<string, unknown> = {}) =>
    look("thing", {
      "langsmith.span.kind": kind,
      "gen_ai.operation.name": "embeddings",
      "gen_ai.system": "langchain",
      ...more,
    });

  test("its own kind is right where the operation name it writes is not", () => {
    const kinds = ["llm", "tool", "chain", "retriever", "embedding", "prompt", "parser"];
    expect(kinds.map((kind) => of(kind).operation)).toEqual([
      "model",
      "tool",
      "workflow",
      "retrieval",
      "embedding",
      "ignored",
      "ignored",
    ]);
  });

  test("a model call is told with its counts, and without a framework for a provider", () => {
    const model = of("llm", {
      "gen_ai.request.model": "gpt",
      "gen_ai.response.finish_reasons": "tool_calls, stop",
      "gen_ai.prompt": '{"messages":[]}',
      "gen_ai.completion": '{"choices":[]}',
      "langsmith.usage_metadata": JSON.stringify({
        input_tokens: 100,
        output_tokens: 20,
        total_tokens: 120,
        input_token_details: { cache_read: 40 },
        output_token_details: { reasoning: 8 },
      }),
    });
    expect(model.started()).toEqual({ model: "gpt", input: '{"messages":[]}' });
    expect(model.ended()).toEqual({ model: "gpt", finishReason: "tool_calls", output: '{"choices":[]}' });
    expect(model.tokens()).toEqual({
      inputTokens: 100,
      outputTokens: 20,
      totalTokens: 120,
      cacheReadTokens: 40,
      reasoningTokens: 8,
    });
  });

  test("a tool has its arguments, the run its id, and an exception wins over the status OK", () => {
    const tool = look(
      "get_weather",
      {
        "langsmith.span.kind": "tool",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.prompt": '{"city":"Paris"}',
        "langsmith.trace.id": "trace-1",
        "langsmith.metadata.thread_id": "thread-1",
      },
      { status: { code: 1 }, exception: { type: "Error", message: "Error: boom\n    at x" } },
    );
    expect(tool.started()).toEqual({
      toolName: "get_weather",
      toolCallId: "call_1",
      conversationId: "thread-1",
      arguments: '{"city":"Paris"}',
    });
    expect(tool.failure()).toEqual({ type: "Error", message: "Error: boom" });
    expect(tool.runId).toBe("trace-1");
  });
});

describe("Genkit", () => {
  test("the subtype says more than the type", () => {
    const of = (type: string, subtype?: string): string | undefined =>
      operation({ "genkit:type": type, ...(subtype && { "genkit:metadata:subtype": subtype }) });
    expect(of("action", "flow")).toBe("workflow");
    expect(of("action", "embedder")).toBe("embedding");
    expect(of("action", "retriever")).toBe("retrieval");
    expect(of("action", "reranker")).toBe("rerank");
    expect(of("action", "evaluator")).toBe("evaluation");
    expect(of("action", "agent")).toBe("invocation");
    expect(of("util")).toBe("step");
    expect(of("flowStep")).toBe("step");
    expect(of("action", "prompt")).toBe("ignored");
  });

  test("its state tells a failure, its session the conversation", () => {
    const attributes = { "genkit:type": "util", "genkit:state": "error", "genkit:sessionId": "s" };
    expect(look("generate", attributes).failure()).toEqual({ type: "error", message: "error" });
    expect(look("generate", attributes).conversationId).toBe("s");
  });
});

describe("OpenAI Agents SDK", () => {
  const told = (type: string, data: Record<string, unknown> = {}, name = type) => {
    const attributes = Object.entries({ type, ...data }).map(([key, value]) => [`openai.agents.${key}`, value]);
    return look(name, Object.fromEntries(attributes));
  };

  test.each([
    ["task", "workflow"],
    ["agent", "invocation"],
    ["turn", "step"],
    ["response", "model"],
    ["generation", "model"],
    ["function", "tool"],
    ["handoff", "handoff"],
    ["guardrail", "guardrail"],
    ["mcp_tools", "mcp"],
    ["trace", "ignored"],
    ["custom", "ignored"],
    ["speech", "ignored"],
  ])("%s is a %s", (type, expected) => {
    expect(told(type).operation).toBe(expected);
  });

  test("names are those of the thing, and a turn has a number", () => {
    expect(told("agent", { name: "Ann" }).started()).toEqual({ agentName: "Ann" });
    expect(told("function", { name: "add", input: "{}" }).started()).toEqual({ toolName: "add", arguments: "{}" });
    expect(told("turn", { turn: 2, agent_name: "Ann" }, "turn 2").started()).toEqual({
      agentName: "Ann",
      name: "turn 2",
      step: 2,
    });
    expect(told("function", { name: "add", mcp_data: "{}" }).started()).toEqual({ toolName: "add", mcp: true });
    expect(told("mcp_tools", { server: "files" }).started()).toEqual({ mcpMethod: "tools/list" });
  });

  test("a response tells model, answer and tokens at its end, a generation the same as a chat completion", () => {
    const usage = {
      input_tokens: 10,
      output_tokens: 5,
      total_tokens: 15,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens_details: { reasoning_tokens: 2 },
    };
    const response = told("response", { _input: "hi", _response: { model: "m-1", output: ["yes"], usage } });
    expect(response.ended()).toEqual({ provider: "openai", model: "m-1", responseModel: "m-1", output: '["yes"]' });
    const counts = { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadTokens: 4, reasoningTokens: 2 };
    expect(response.tokens()).toEqual(counts);
    const chat = {
      model: "m-1",
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
      choices: [{ finish_reason: "stop" }],
    };
    const generation = told("generation", { model: "m", input: [{ role: "user" }], output: [chat] });
    expect(generation.started()).toEqual({ model: "m", input: '[{"role":"user"}]' });
    expect(generation.ended()).toMatchObject({ model: "m", responseModel: "m-1", finishReason: "stop" });
    expect(generation.tokens()).toEqual(counts);
  });

  test("a handoff, a guardrail, a conversation and a run of the application", () => {
    expect(told("handoff", { from_agent: "Ann", to_agent: "Bob" }).ended()).toEqual({ from: "Ann", to: "Bob" });
    expect(told("guardrail", { name: "polite", triggered: true }).ended()).toEqual({ name: "polite", triggered: true });
    const inTrace = told("task", { "trace.group_id": "c", "trace.metadata": { runId: "r" } });
    expect([inTrace.conversationId, inTrace.runId]).toEqual(["c", "r"]);
  });
});

describe("OpenInference", () => {
  test("the result of a LangChain tool is what its message says, not what it is made of", () => {
    const result = (value: unknown) =>
      look("add", { "openinference.span.kind": "TOOL", "output.value": JSON.stringify(value) }).ended()["result"];
    const message = { lc: 1, type: "constructor", id: ["langchain_core"], kwargs: { content: "5", status: "success" } };
    expect(result({ output: message })).toBe("5");
    expect(result({ output: "5" })).toBe('{"output":"5"}');
  });

  const kind = (word: string, more: Record<string, unknown> = {}, name = "thing") =>
    look(name, { "openinference.span.kind": word, ...more });

  test.each([
    ["LLM", "model"],
    ["AGENT", "invocation"],
    ["TOOL", "tool"],
    ["CHAIN", "workflow"],
    ["RETRIEVER", "retrieval"],
    ["RERANKER", "rerank"],
    ["EMBEDDING", "embedding"],
    ["GUARDRAIL", "guardrail"],
    ["EVALUATOR", "evaluation"],
    ["PROMPT", "ignored"],
  ])("%s is a %s", (word, expected) => {
    expect(kind(word).operation).toBe(expected);
  });

  test("a tool that hands over is a handoff, told by its name or its attribute; others are tools", () => {
    expect(kind("TOOL", {}, "handoff").operation).toBe("handoff");
    expect(kind("TOOL", {}, "handoff to Paris").operation).toBe("handoff");
    expect(kind("TOOL", { "tool.name": "handoff_to_Paris" }).operation).toBe("handoff");
    expect(kind("TOOL", {}, "handoff_checklist").operation).toBe("tool");
    expect(kind("CHAIN", {}, "handoff").operation).toBe("workflow");
  });

  test("a handoff tells who hands over to whom, also when only its name does", () => {
    const full = {
      "input.value": '{"from_agent":"A"}',
      "output.value": '{"to_agent":"B"}',
      "tool.name": "handoff_to_C",
    };
    expect(kind("TOOL", full, "handoff").ended()).toEqual({ from: "A", to: "B" });
    expect(kind("TOOL", { "tool.name": "handoff_to_C" }, "handoff").ended()).toEqual({ to: "C" });
    expect(kind("TOOL", {}, "handoff to D").ended()).toEqual({ to: "D" });
    expect(kind("TOOL", full, "handoff").started()).toEqual({});
  });

  test("a model call with cached tokens; the name of the model at the end is that of the one that answered", () => {
    const call = kind("LLM", {
      "llm.model_name": "gpt-2025",
      "llm.invocation_parameters": '{"model":"gpt","tools":[]}',
      "llm.provider": "openai",
      "llm.finish_reason": "tool_calls",
      "llm.token_count.prompt": 110,
      "llm.token_count.completion": 21,
      "llm.token_count.total": 131,
      "llm.token_count.prompt_details.cache_read": 40,
      "llm.token_count.prompt_details.cache_write": 3,
      "llm.token_count.completion_details.reasoning": 8,
    });
    expect(call.ended()).toEqual({
      model: "gpt",
      responseModel: "gpt-2025",
      provider: "openai",
      finishReason: "tool_calls",
    });
    expect(call.tokens()).toEqual({
      inputTokens: 110,
      outputTokens: 21,
      totalTokens: 131,
      cacheReadTokens: 40,
      cacheWriteTokens: 3,
      reasoningTokens: 8,
    });
    expect(kind("LLM", { "llm.model_name": "gpt" }).ended()).toEqual({ model: "gpt" });
  });

  test("the Claude Agent SDK: the agent alone has counts, and its tools have arguments", () => {
    const agent = kind(
      "AGENT",
      { "llm.token_count.prompt": 9, "llm.token_count.completion": 4, "llm.token_count.total": 13, "session.id": "s" },
      "ClaudeAgent.query",
    );
    expect(agent.tokens()).toEqual({ inputTokens: 9, outputTokens: 4, totalTokens: 13 });
    expect(agent.started()).toEqual({ agentName: "ClaudeAgent.query", conversationId: "s" });
    const tool = kind("TOOL", { "tool.name": "Bash", "tool.id": "toolu_1", "input.value": '{"cmd":"ls"}' }, "Bash");
    expect(tool.started()).toEqual({ toolName: "Bash", toolCallId: "toolu_1", arguments: '{"cmd":"ls"}' });
  });

  test("its kind comes after the operation name: leaf operations beat what is around them", () => {
    expect(look("chat m", { "openinference.span.kind": "CHAIN", "gen_ai.operation.name": "chat" }).operation).toBe(
      "model",
    );
  });
});

describe("Langfuse", () => {
  const of = (type: string, more: Record<string, unknown> = {}, name = "thing") =>
    look(name, { "langfuse.observation.type": type, ...more });

  test("types are operations; plain spans and events are none", () => {
    const types = [
      "generation",
      "agent",
      "tool",
      "chain",
      "retriever",
      "embedding",
      "guardrail",
      "evaluator",
      "span",
      "event",
    ];
    expect(types.map((type) => of(type).operation)).toEqual([
      "model",
      "invocation",
      "tool",
      "workflow",
      "retrieval",
      "embedding",
      "guardrail",
      "evaluation",
      "ignored",
      "ignored",
    ]);
  });

  test("counts that leave cached and reasoning tokens out are made whole", () => {
    const usage = (details: Record<string, number>) =>
      of("generation", { "langfuse.observation.usage_details": JSON.stringify(details) }).tokens();
    const apart = { input: 70, output: 13, total: 131, input_cached_tokens: 40, output_reasoning_tokens: 8 };
    const whole = { ...apart, input: 110, output: 21 };
    const told = { inputTokens: 110, outputTokens: 21, totalTokens: 131, cacheReadTokens: 40, reasoningTokens: 8 };
    expect(usage(apart)).toEqual(told);
    expect(usage(whole)).toEqual(told);
    expect(usage({ input: 5, output: 1 })).toEqual({ inputTokens: 5, outputTokens: 1 });
    const openAi = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
    expect(usage(openAi)).toEqual({ inputTokens: 5, outputTokens: 1, totalTokens: 6 });
  });

  test("every detail that the wrapper of the OpenAI client takes out of a count is in it again", () => {
    const usage = (details: Record<string, unknown>) =>
      of("generation", { "langfuse.observation.usage_details": JSON.stringify(details) }).tokens();
    const input = { input: 60, input_cached_tokens: 10, input_audio_tokens: 30 };
    const predicted = { output_accepted_prediction_tokens: 0, output_rejected_prediction_tokens: 5 };
    const output = { output: 20, output_reasoning_tokens: 5, output_audio_tokens: 20, ...predicted };
    expect(usage({ ...input, ...output, total: 150 })).toMatchObject({ inputTokens: 100, outputTokens: 50 });
    expect(usage({ ...input, input_text_tokens: "many", input_odd: null })).toMatchObject({ inputTokens: 100 });
    const anthropic = { cache_read_input_tokens: 5, cache_creation_input_tokens: 2 };
    expect(usage({ input_tokens: 3, output_tokens: 4, ...anthropic })).toMatchObject({
      inputTokens: 10,
      outputTokens: 4,
    });
  });

  test("a level of ERROR is a failure, a warning is none", () => {
    const level = (word: string) => of("tool", { "langfuse.observation.level": word }).failure();
    expect(level("ERROR")).toEqual({ type: "error", message: "error" });
    expect(level("WARNING")).toBeUndefined();
  });
});

describe("Traceloop", () => {
  test("kinds are operations, after the operation name that knows better", () => {
    const kinds = ["workflow", "agent", "tool", "task", "session", "unknown"];
    expect(kinds.map((kind) => operation({ "traceloop.span.kind": kind }))).toEqual([
      "workflow",
      "invocation",
      "tool",
      "step",
      "mcp",
      "ignored",
    ]);
    expect(operation({ "traceloop.span.kind": "task", "gen_ai.operation.name": "execute_tool" })).toBe("tool");
  });

  test("withTool is known by the name of its span before it has a kind", () => {
    const scope = "@traceloop/node-server-sdk";
    const stamped = { "traceloop.workflow.name": "shop", "gen_ai.agent.name": "clerk", "gen_ai.conversation.id": "c" };
    const tool = look("get_price.tool", stamped, { scope });
    expect(tool.claim).toBe("Traceloop: tool");
    const named = { toolName: "get_price", agentName: "clerk", conversationId: "c" };
    expect(tool.started()).toEqual(named);
    expect(look("get_price.tool", stamped).operation).toBeUndefined();
    const full = look(
      "get_price.tool",
      {
        ...stamped,
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "get_price",
        "traceloop.entity.input": "{}",
        "traceloop.entity.output": "5",
        "traceloop.association.properties.session_id": "s",
      },
      { scope },
    );
    expect(full.started()).toEqual({ ...named, arguments: "{}" });
    expect(full.ended()).toEqual({ ...named, result: "5" });
  });

  test("the stamp of an agent's name on everything below makes no agent of it", () => {
    const step = { "traceloop.span.kind": "task", "traceloop.entity.name": "plan", "gen_ai.agent.name": "clerk" };
    expect(look("plan.task", step).started()).toEqual({ name: "plan", agentName: "clerk" });
    expect(operation({ "gen_ai.agent.name": "clerk", "traceloop.workflow.name": "shop" })).toBeUndefined();
  });

  test("old model spans have a request type and old names", () => {
    const old = look("openai.chat", {
      "llm.request.type": "chat",
      "gen_ai.system": "OpenAI",
      "gen_ai.request.model": "gpt-4",
      "gen_ai.response.model": "gpt-4-0613",
      "gen_ai.prompt.0.content": "hi",
      "gen_ai.completion.0.content": "ho",
      "gen_ai.completion.0.finish_reason": "stop",
      "gen_ai.usage.prompt_tokens": 7,
      "gen_ai.usage.completion_tokens": 3,
      "llm.usage.total_tokens": 10,
    });
    expect(old.claim).toBe("OpenLLMetry: model");
    expect(old.started()).toEqual({ model: "gpt-4", provider: "OpenAI", input: "hi" });
    expect(old.ended()).toEqual({
      model: "gpt-4",
      provider: "OpenAI",
      responseModel: "gpt-4-0613",
      finishReason: "stop",
      output: "ho",
    });
    expect(old.tokens()).toEqual({ inputTokens: 7, outputTokens: 3, totalTokens: 10 });
    expect(operation({ "llm.request.type": "completion" })).toBe("model");
    expect(operation({ "llm.request.type": "rerank" })).toBe("rerank");
  });
});

describe("MLflow", () => {
  const of = (type: string, more: Record<string, unknown> = {}, name = "thing") =>
    look(name, { "mlflow.spanType": JSON.stringify(type), ...more });

  test("types are read from JSON, and also without quotes", () => {
    const types = [
      "LLM",
      "CHAT_MODEL",
      "AGENT",
      "TOOL",
      "CHAIN",
      "RETRIEVER",
      "RERANKER",
      "EMBEDDING",
      "MEMORY",
      "PARSER",
    ];
    const expected = [
      "model",
      "model",
      "invocation",
      "tool",
      "workflow",
      "retrieval",
      "rerank",
      "embedding",
      "memory",
      "ignored",
    ];
    expect(types.map((type) => of(type).operation)).toEqual(expected);
    expect(types.map((type) => operation({ "mlflow.spanType": type }))).toEqual(expected);
  });

  test("a model call has its content and counts, the conversation is read without quotes", () => {
    const call = of("CHAT_MODEL", {
      "mlflow.spanInputs": '{"model":"gpt","messages":[]}',
      "mlflow.spanOutputs": '{"model":"gpt-2025"}',
      "mlflow.chat.tokenUsage": '{"input_tokens":10,"output_tokens":5,"total_tokens":15,"cache_read_input_tokens":4}',
      "session.id": '"s-1"',
    });
    const input = '{"model":"gpt","messages":[]}';
    expect(call.started()).toEqual({ model: "gpt", conversationId: "s-1", input });
    expect(call.ended()).toMatchObject({ model: "gpt", responseModel: "gpt-2025" });
    expect(call.tokens()).toEqual({ inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadTokens: 4 });
    expect(of("TOOL", { "mlflow.spanInputs": "{}" }, "add").started()).toEqual({ toolName: "add", arguments: "{}" });
  });
});

describe("Mastra", () => {
  test("an agent and a generation that were aborted say so with the status OK", () => {
    const aborted = { type: "AbortError", message: "Aborted" };
    const status = { code: 1 };
    const output = JSON.stringify({ status: "aborted", reason: "abort" });
    const agent = look("x", { "mastra.span.type": "agent_run", "mastra.agent_run.output": output }, { status });
    expect(agent.failure()).toEqual(aborted);
    const finished = { "gen_ai.response.finish_reasons": '["aborted"]' };
    expect(look("x", { "mastra.span.type": "model_generation", ...finished }, { status }).failure()).toEqual(aborted);
    const answer = JSON.stringify({ text: "aborted" });
    const other = look("x", { "mastra.span.type": "agent_run", "mastra.agent_run.output": answer }, { status });
    expect(other.failure()).toBeUndefined();
  });

  const scope = "@mastra/otel-bridge";
  const named = (name: string) => look(name, {}, { scope });

  test.each([
    ["agent run: 'weather' (resumed)", "invocation", { agentName: "weather" }],
    ["llm: 'gpt'", "step", { name: "llm: 'gpt'" }],
    ["step: 2", "step", { name: "step: 2", step: 2 }],
    ["inference: 1", "model", { step: 1 }],
    ["chunk: 'text'", "chunk", {}],
    ["tool: 'add'", "tool", { toolName: "add" }],
    ["mcp_tool: 'add' on 'calc'", "tool", { toolName: "add", mcp: true }],
    ["workflow run: 'ship'", "workflow", { name: "ship" }],
    ["workflow step: 'pack'", "step", { name: "pack" }],
    ["memory: recall", "memory", { name: "memory: recall" }],
  ])("%s is a %s by its name alone", (name, expected, started) => {
    expect(named(name).operation).toBe(expected);
    expect(named(name).started()).toEqual(started);
    expect(look(name, {}).operation).toBeUndefined();
  });

  test("types at the end, where no name told", () => {
    const of = (type: string): string | undefined =>
      operation({ "mastra.span.type": type, "gen_ai.operation.name": type });
    const types = [
      "processor_run",
      "scorer_step",
      "rag_embedding",
      "rag_vector_operation",
      "workflow_parallel",
      "generic",
    ];
    expect(types.map(of)).toEqual(["guardrail", "evaluation", "embedding", "retrieval", "step", "ignored"]);
    expect(operation({ "mastra.span.type": "model_generation", "gen_ai.operation.name": "chat" })).toBe("step");
  });

  test("the run's own id is on the run, an internal one below", () => {
    const of = (type: string) => look("x", { "mastra.span.type": type, "mastra.metadata.runId": "r" }).runId;
    expect(["agent_run", "workflow_run", "tool_call", "model_inference"].map(of)).toEqual([
      "r",
      "r",
      undefined,
      undefined,
    ]);
  });

  test("tokens are counted on the generation, never on the agent", () => {
    const usage = { "gen_ai.usage.input_tokens": 10, "gen_ai.usage.reasoning_tokens": 4 };
    const generation = look("llm: 'gpt'", { "mastra.span.type": "model_generation", ...usage });
    expect(generation.tokens()).toEqual({ inputTokens: 10, reasoningTokens: 4 });
    expect(look("x", { "mastra.span.type": "agent_run", ...usage }).tokens()).toBeUndefined();
    expect(look("x", { "mastra.span.type": "model_inference", ...usage }).tokens()).toBeUndefined();
  });
});

describe("Google ADK", () => {
  const scope = "gcp.vertex.agent";

  test.each([
    ["invoke_agent ann", "invocation", { agentName: "ann" }],
    ["call_llm", "model", {}],
    ["execute_tool add", "tool", { toolName: "add" }],
    ["execute_tool (merged)", "ignored", {}],
    ["invoke_workflow report", "workflow", { name: "report" }],
    ["execute_node write", "step", { name: "write" }],
    ["execute_node_attempt write", "step", { name: "execute_node_attempt write" }],
    ["invocation", "ignored", {}],
  ])("%s is a %s by its name alone", (name, expected, started) => {
    expect(look(name, {}, { scope }).operation).toBe(expected);
    expect(look(name, {}, { scope }).started()).toEqual(started);
    expect(look(name, {}).operation).toBeUndefined();
  });

  test("what is empty because nothing is captured is left out, and the framework is no provider", () => {
    const request = { "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}" };
    const call = look("call_llm", { "gen_ai.system": scope, "gen_ai.request.model": "m", ...request }, { scope });
    expect(call.started()).toEqual({ model: "m" });
    expect(call.ended()).toEqual({ model: "m" });
    expect(call.tokens()).toBeUndefined();
    const response = { "gcp.vertex.agent.tool_call_args": "{}", "gcp.vertex.agent.tool_response": "{}" };
    expect(look("execute_tool add", { ...request, ...response }, { scope }).ended()).toEqual({ toolName: "add" });
  });
});

describe("Strands Agents", () => {
  test.each([
    ["invoke_graph report", "invoke_graph", "workflow", "report"],
    ["invoke_swarm report", "invoke_swarm", "workflow", "report"],
    ["node writer", "execute_node", "step", "writer"],
    ["memory.search", "memory.search", "memory", "memory.search"],
    ["memory.add", "memory.add", "memory", "memory.add"],
  ])("%s, which does %s, is a %s", (name, word, expected, told) => {
    const span = look(name, { "gen_ai.operation.name": word });
    expect(span.operation).toBe(expected);
    expect(span.started()).toEqual({ name: told });
  });

  test("a turn of the loop is a step, where the attribute of one is beside the name", () => {
    const name = "execute_agent_loop_cycle";
    expect(look(name, { "agent_loop.cycle_id": "cycle-7" }).started()).toEqual({ name: "cycle-7", step: 7 });
    expect(operation({}, name)).toBeUndefined();
  });

  test("what a graph is asked is its input", () => {
    const asked = { "gen_ai.operation.name": "invoke_graph", "gen_ai.agent.input": '"hi"' };
    expect(look("invoke_graph report", asked).started()).toEqual({ name: "report", input: '"hi"' });
  });

  test("a tool that answers with an error has failed, whatever its status", () => {
    const tool = (status: string) =>
      look(
        "execute_tool t",
        { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.status": status },
        { status: { code: 1 } },
      );
    expect(tool("error").failure()).toEqual({ type: "error", message: "the tool answered with an error" });
    expect(tool("success").failure()).toBeUndefined();
  });
});
