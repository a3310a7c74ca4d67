import type { Convention } from "./convention.js";

/**
 * Traceloop (OpenLLMetry): wrappers of its SDK, MCP sessions, and model spans of before it followed the OpenTelemetry
 * conventions. `task` may stand on a span whose `gen_ai.operation.name` knows better.
 *
 * Source: @traceloop/node-server-sdk, @traceloop/ai-semantic-conventions and @traceloop/instrumentation-mcp 0.27.0;
 * older keys of https://github.com/traceloop/openllmetry
 */
export const traceloop: Convention = {
  name: "Traceloop",
  claims: [
    {
      by: "attribute",
      key: "traceloop.span.kind",
      operations: { workflow: "workflow", agent: "invocation", tool: "tool", task: "step", session: "mcp" },
      otherwise: "ignored",
    },
    {
      by: "name",
      operations: {
        "*.workflow": "workflow",
        "*.agent": "invocation",
        "*.tool": "tool",
        "*.task": "step",
        "*.mcp": "mcp",
        "chat *": "model",
        "execute_tool *": "tool",
      },
      where: { scope: "@traceloop/*" },
    },
  ],
  fields: {
    agentName: [
      "gen_ai.agent.name",
      { from: "attribute", key: "traceloop.entity.name", for: ["invocation", "workflow"] },
      "traceloop.workflow.name",
      { from: "name", like: "*.agent", for: ["invocation"] },
    ],
    conversationId: [
      "gen_ai.conversation.id",
      "traceloop.association.properties.session_id",
      "traceloop.association.properties.conversation_id",
      "traceloop.association.properties.thread_id",
    ],
    name: [
      { from: "attribute", key: "traceloop.entity.name", for: ["workflow", "step"] },
      { from: "name", like: "*.workflow", for: ["workflow"] },
      { from: "name", like: "*.task", for: ["step"] },
    ],
    toolName: [
      "gen_ai.tool.name",
      { from: "attribute", key: "traceloop.entity.name", for: ["tool"] },
      { from: "name", like: "*.tool" },
      { from: "name", like: "execute_tool *" },
    ],
    mcp: [{ from: "constant", value: true, where: { scope: "@traceloop/instrumentation-mcp" } }],
    mcpMethod: [{ from: "name", like: "*.mcp" }],
    arguments: [{ from: "attribute", key: "traceloop.entity.input", for: ["tool"] }],
    result: [{ from: "attribute", key: "traceloop.entity.output", for: ["tool"] }],
    input: ["traceloop.entity.input"],
    output: ["traceloop.entity.output"],
    cacheReadTokens: ["gen_ai.usage.cache_read_input_tokens"],
    cacheWriteTokens: ["gen_ai.usage.cache_creation_input_tokens"],
    reasoningTokens: ["gen_ai.usage.reasoning_tokens"],
    totalTokens: ["gen_ai.usage.total_tokens", "llm.usage.total_tokens"],
  },
  content: [
    "traceloop.prompt.template_variables*",
    "mcp.response.value",
    "db.query.result*",
    "db.query.embeddings*",
    "db.vector.query.embeddings*",
  ],
};

/** The model spans of OpenLLMetry before it followed the OpenTelemetry conventions. */
export const openllmetry: Convention = {
  name: "OpenLLMetry",
  claims: [
    {
      by: "attribute",
      key: "llm.request.type",
      operations: { chat: "model", completion: "model", embedding: "embedding", rerank: "rerank" },
    },
  ],
  fields: {
    model: ["gen_ai.request.model", "llm.request.model"],
    responseModel: ["gen_ai.response.model", "llm.response.model"],
    provider: ["gen_ai.system", "llm.vendor"],
    input: ["gen_ai.prompt.0.content", "llm.prompts.0.content"],
    output: ["gen_ai.completion.0.content", "llm.completions.0.content"],
    finishReason: ["gen_ai.completion.0.finish_reason", "llm.completions.0.finish_reason"],
    inputTokens: ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"],
    outputTokens: ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"],
    totalTokens: ["gen_ai.usage.total_tokens", "llm.usage.total_tokens"],
  },
  content: ["llm.prompts*", "llm.completions*", "llm.request.functions*"],
};
