import type { Convention } from "./convention.js";

/**
 * Langfuse. A failure is a level, with the status of the span left unset. Details of the usage are JSON; its wrapper of
 * the OpenAI client takes every detail out of the counts: cached, reasoning, audio and predicted tokens.
 *
 * Source: @langfuse/tracing, @langfuse/otel and @langfuse/openai 5.11.1
 */
export const langfuse: Convention = {
  name: "Langfuse",
  claims: [
    {
      by: "attribute",
      key: "langfuse.observation.type",
      operations: {
        generation: "model",
        agent: "invocation",
        tool: "tool",
        chain: "workflow",
        retriever: "retrieval",
        embedding: "embedding",
        guardrail: "guardrail",
        evaluator: "evaluation",
        event: "ignored",
        span: "ignored",
      },
    },
  ],
  fields: {
    agentName: ["gen_ai.agent.name", { from: "name", like: "*", for: ["invocation"] }],
    conversationId: ["gen_ai.conversation.id", "session.id", "langfuse.session.id"],
    model: ["langfuse.observation.model.name"],
    toolName: ["gen_ai.tool.name", { from: "name", like: "*" }],
    arguments: [{ from: "attribute", key: "langfuse.observation.input", for: ["tool"] }],
    result: [{ from: "attribute", key: "langfuse.observation.output", for: ["tool"] }],
    input: ["langfuse.observation.input"],
    output: ["langfuse.observation.output"],
    timeToFirstChunkMillis: [{ from: "date", key: "langfuse.observation.completion_start_time" }],
    inputTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "input" },
      { from: "json", key: "langfuse.observation.usage_details", path: "input_tokens" },
      { from: "json", key: "langfuse.observation.usage_details", path: "prompt_tokens" },
    ],
    outputTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "output" },
      { from: "json", key: "langfuse.observation.usage_details", path: "output_tokens" },
      { from: "json", key: "langfuse.observation.usage_details", path: "completion_tokens" },
    ],
    totalTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "total" },
      { from: "json", key: "langfuse.observation.usage_details", path: "total_tokens" },
    ],
    cacheReadTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "input_cached_tokens" },
      { from: "json", key: "langfuse.observation.usage_details", path: "input_cache_read" },
      { from: "json", key: "langfuse.observation.usage_details", path: "cache_read_input_tokens" },
    ],
    cacheWriteTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "input_cache_creation" },
      { from: "json", key: "langfuse.observation.usage_details", path: "cache_creation_input_tokens" },
    ],
    reasoningTokens: [
      { from: "json", key: "langfuse.observation.usage_details", path: "output_reasoning_tokens" },
      { from: "json", key: "langfuse.observation.usage_details", path: "output_reasoning" },
    ],
  },
  tokens: {
    exclusive: true,
    parts: {
      key: "langfuse.observation.usage_details",
      inputTokens: ["input_*", "cache_*_input_tokens"],
      outputTokens: ["output_*"],
    },
  },
  failures: [{ source: "langfuse.observation.level", is: "ERROR", message: ["langfuse.observation.status_message"] }],
  content: ["langfuse.trace.input", "langfuse.trace.output", "langfuse.observation.metadata*"],
};
