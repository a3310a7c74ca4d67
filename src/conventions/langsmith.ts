import type { Convention } from "./convention.js";

/**
 * LangSmith's OpenTelemetry mode. All attributes come at the end, in a batch. It also writes `gen_ai.operation.name`,
 * with `embeddings` for a retriever, and `gen_ai.system` with `langchain` for a model it does not know.
 *
 * Source: langsmith 0.12.0, experimental/otel
 */
export const langsmith: Convention = {
  name: "LangSmith",
  claims: [
    {
      by: "attribute",
      key: "langsmith.span.kind",
      operations: {
        llm: "model",
        tool: "tool",
        chain: "workflow",
        retriever: "retrieval",
        embedding: "embedding",
        prompt: "ignored",
        parser: "ignored",
      },
    },
  ],
  fields: {
    conversationId: [
      "gen_ai.conversation.id",
      "langsmith.metadata.session_id",
      "langsmith.metadata.conversation_id",
      "langsmith.metadata.thread_id",
    ],
    model: ["gen_ai.request.model", "langsmith.metadata.ls_model_name"],
    provider: ["gen_ai.provider.name", "gen_ai.system", "langsmith.metadata.ls_provider"],
    name: ["langsmith.trace.name"],
    toolName: ["gen_ai.tool.name", { from: "name", like: "*" }],
    arguments: [{ from: "attribute", key: "gen_ai.prompt", for: ["tool"] }],
    result: [{ from: "attribute", key: "gen_ai.completion", for: ["tool"] }],
    input: ["gen_ai.prompt"],
    output: ["gen_ai.completion"],
    inputTokens: [{ from: "json", key: "langsmith.usage_metadata", path: "input_tokens" }],
    outputTokens: [{ from: "json", key: "langsmith.usage_metadata", path: "output_tokens" }],
    totalTokens: [{ from: "json", key: "langsmith.usage_metadata", path: "total_tokens" }],
    cacheReadTokens: [
      { from: "json", key: "langsmith.usage_metadata", path: "input_token_details.cache_read" },
      { from: "json", key: "gen_ai.usage.input_token_details", path: "cache_read" },
    ],
    cacheWriteTokens: [
      { from: "json", key: "langsmith.usage_metadata", path: "input_token_details.cache_creation" },
      { from: "json", key: "gen_ai.usage.input_token_details", path: "cache_creation" },
    ],
    reasoningTokens: [
      { from: "json", key: "langsmith.usage_metadata", path: "output_token_details.reasoning" },
      { from: "json", key: "gen_ai.usage.output_token_details", path: "reasoning" },
    ],
  },
  runId: ["langsmith.trace.id"],
};
