import type { Convention } from "./convention.js";

/**
 * The AI SDK 5 and 6, and `LegacyOpenTelemetry` of version 7. Version 7 itself follows the OpenTelemetry conventions,
 * with what the application says of the run under `ai.settings.context.*`.
 *
 * Source: `ai` 5.0, 6.0.326 and 7.0.173, @ai-sdk/otel 1.0.173; token counts back to `ai` 4
 */
export const aiSdk: Convention = {
  name: "AI SDK",
  claims: [
    {
      by: "attribute",
      key: "ai.operationId",
      operations: {
        "ai.generateText": "invocation",
        "ai.streamText": "invocation",
        "ai.generateObject": "invocation",
        "ai.streamObject": "invocation",
        "*.doGenerate": "model",
        "*.doStream": "model",
        "ai.toolCall": "tool",
        "*.doEmbed": "embedding",
        "*.doRerank": "rerank",
        // Wrappers around the call that counts.
        "ai.embed": "ignored",
        "ai.embedMany": "ignored",
        "ai.rerank": "ignored",
      },
    },
  ],
  fields: {
    agentName: ["gen_ai.agent.name", "ai.telemetry.functionId"],
    conversationId: [
      "gen_ai.conversation.id",
      "session.id",
      "ai.telemetry.metadata.sessionId",
      "ai.telemetry.metadata.conversationId",
      "ai.telemetry.metadata.threadId",
      "ai.settings.context.sessionId",
      "ai.settings.context.conversationId",
      "ai.settings.context.threadId",
    ],
    model: ["ai.model.id"],
    responseModel: ["ai.response.model"],
    provider: ["ai.model.provider"],
    toolName: ["ai.toolCall.name"],
    toolCallId: ["ai.toolCall.id"],
    arguments: ["ai.toolCall.args"],
    result: ["ai.toolCall.result"],
    input: ["ai.prompt.messages", "ai.prompt"],
    output: ["ai.response.text", "ai.response.object", "ai.response.toolCalls"],
    finishReason: ["ai.response.finishReason"],
    timeToFirstChunkMillis: ["ai.response.msToFirstChunk"],
    inputTokens: [
      "ai.usage.inputTokens",
      "ai.usage.promptTokens",
      { from: "attribute", key: "ai.usage.tokens", for: ["embedding"] },
    ],
    outputTokens: ["ai.usage.outputTokens", "ai.usage.completionTokens"],
    totalTokens: ["ai.usage.totalTokens"],
    cacheReadTokens: ["ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"],
    cacheWriteTokens: ["ai.usage.inputTokenDetails.cacheWriteTokens"],
    reasoningTokens: ["ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"],
  },
  runId: ["ai.telemetry.metadata.runId", "ai.settings.context.runId"],
  failures: [
    {
      source: "ai.response.finishReason",
      is: "error",
      message: [{ from: "constant", value: "the model finished with an error" }],
    },
  ],
  firstChunk: { events: ["ai.stream.firstChunk"] },
  content: [
    "ai.prompt*",
    "ai.response.reasoning*",
    "ai.response.files",
    "ai.response.body",
    "ai.response.providerMetadata",
    "ai.schema*",
    "ai.value",
    "ai.values",
    "ai.embedding",
    "ai.embeddings",
    "ai.documents",
    "ai.ranking",
    "ai.result.*",
  ],
};
