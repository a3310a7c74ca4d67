import type { Convention } from "./convention.js";

/**
 * Mastra's bridge to OpenTelemetry. A span starts with nothing but its name and gets all attributes, and another name,
 * at its end. The calls of a model are `inference` spans; the span around all of them, `llm`, alone counts tokens.
 *
 * Source: @mastra/otel-bridge 1.5.4, @mastra/otel-exporter 1.3.12, @mastra/core 1.71.0
 */
export const mastra: Convention = {
  name: "Mastra",
  claims: [
    {
      by: "attribute",
      key: "mastra.span.type",
      operations: {
        agent_run: "invocation",
        model_generation: "step",
        model_step: "step",
        model_inference: "model",
        model_chunk: "chunk",
        tool_call: "tool",
        mcp_tool_call: "tool",
        provider_tool_call: "tool",
        client_tool_call: "tool",
        workflow_run: "workflow",
        "workflow_*": "step",
        processor_run: "guardrail",
        "scorer_*": "evaluation",
        classifier_evaluation: "evaluation",
        rag_embedding: "embedding",
        rag_vector_operation: "retrieval",
        memory_operation: "memory",
      },
      otherwise: "ignored",
    },
    {
      by: "name",
      operations: {
        "agent run: *": "invocation",
        "llm: *": "step",
        "step: *": "step",
        "inference: *": "model",
        "chunk: *": "chunk",
        "tool: *": "tool",
        "mcp_tool: *": "tool",
        "provider_tool: *": "tool",
        "client_tool: *": "tool",
        "workflow run: *": "workflow",
        "workflow step: *": "step",
        "scorer run: *": "evaluation",
        "scorer step: *": "evaluation",
        "memory: *": "memory",
      },
      where: { scope: "@mastra/otel-bridge" },
    },
  ],
  fields: {
    agentName: ["gen_ai.agent.name", { from: "name", like: "agent run: '*", before: "'", for: ["invocation"] }],
    conversationId: ["gen_ai.conversation.id", "mastra.metadata.threadId"],
    // What it calls the step stands for the model calls in it, which name none.
    model: [{ from: "name", like: "llm: '*", before: "'", for: ["step"] }],
    name: [
      { from: "name", like: "workflow run: '*", before: "'", for: ["workflow"] },
      { from: "name", like: "workflow step: '*", before: "'", for: ["step"] },
      { from: "name", like: "scorer run: '*", before: "'", for: ["evaluation"] },
      { from: "name", like: "scorer step: '*", before: "'", for: ["evaluation"] },
    ],
    step: [
      { from: "name", like: "step: *", for: ["step"] },
      { from: "name", like: "inference: *", for: ["model"] },
    ],
    toolName: [
      "gen_ai.tool.name",
      { from: "name", like: "tool: '*", before: "'" },
      { from: "name", like: "mcp_tool: '*", before: "'" },
      { from: "name", like: "provider_tool: '*", before: "'" },
      { from: "name", like: "client_tool: '*", before: "'" },
    ],
    mcp: [
      { from: "constant", value: true, where: { name: ["mcp_tool: *"] } },
      { from: "constant", value: true, where: { attributes: { "mastra.span.type": "mcp_tool_call" } } },
    ],
    input: [
      "mastra.agent_run.input",
      "mastra.workflow_run.input",
      "mastra.model_inference.input",
      "mastra.rag_vector_operation.input",
      "mastra.memory_operation.input",
      "mastra.processor_run.input",
      "mastra.scorer_run.input",
    ],
    output: [
      "mastra.agent_run.output",
      "mastra.workflow_run.output",
      "mastra.model_inference.output",
      "mastra.rag_vector_operation.output",
      "mastra.memory_operation.output",
      "mastra.processor_run.output",
      "mastra.scorer_run.output",
    ],
    arguments: ["gen_ai.tool.call.arguments", "mastra.client_tool_call.input"],
    result: ["gen_ai.tool.call.result", "mastra.client_tool_call.output"],
    timeToFirstChunkMillis: [{ from: "date", key: "mastra.completion_start_time" }],
    reasoningTokens: ["gen_ai.usage.reasoning_tokens"],
  },
  runId: [
    // The application's id is on the run; the spans below carry an internal one.
    { from: "attribute", key: "mastra.metadata.runId", where: { attributes: { "mastra.span.type": "agent_run" } } },
    { from: "attribute", key: "mastra.metadata.runId", where: { attributes: { "mastra.span.type": "workflow_run" } } },
  ],
  tokens: { operations: ["step", "embedding"] },
  // Who is aborted ends with the status OK.
  failures: [
    {
      source: { from: "json", key: "mastra.agent_run.output", path: "status" },
      is: "aborted",
      message: [{ from: "constant", value: "Aborted" }],
    },
    {
      source: { from: "first", key: "gen_ai.response.finish_reasons" },
      is: "aborted",
      message: [{ from: "constant", value: "Aborted" }],
    },
  ],
  content: ["mastra.*.input", "mastra.*.output", "mastra.metadata.body", "mastra.metadata.headers"],
};
