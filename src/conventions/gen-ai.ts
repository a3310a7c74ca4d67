import type { Convention } from "./convention.js";

/**
 * The OpenTelemetry semantic conventions for generative AI, and who follows them: OpenTelemetry's own instrumentations,
 * AI SDK 7, Traceloop's model spans.
 *
 * Source: https://github.com/open-telemetry/semantic-conventions v1.41.1, docs/gen-ai; newer names from
 * https://github.com/open-telemetry/semantic-conventions-genai; older spellings back to v1.26. `agent_step` and the
 * metric names on spans are of @ai-sdk/otel 1.0, `guard` and `guardrail.run` of @traceloop/node-server-sdk 0.27,
 * `gen_ai.response.text`, `gen_ai.tool.input` and the like of @sentry/node 10.78, `cache_write_input_tokens` and
 * `system_prompt` of @strands-agents/sdk.
 */
export const genAi: Convention = {
  name: "OpenTelemetry GenAI",
  claims: [
    {
      by: "attribute",
      key: "gen_ai.operation.name",
      operations: {
        chat: "model",
        text_completion: "model",
        generate_content: "model",
        embeddings: "embedding",
        execute_tool: "tool",
        invoke_agent: "invocation",
        create_agent: "invocation",
        invoke_workflow: "workflow",
        workflow: "workflow",
        plan: "step",
        agent_step: "step",
        retrieval: "retrieval",
        rerank: "rerank",
        "*_memory": "memory",
        "*_memory_store": "memory",
        run_guardrail: "guardrail",
        apply_guardrail: "guardrail",
        "guardrail.run": "guardrail",
        guard: "guardrail",
        // It polls for an answer whose tokens the call itself reports.
        fetch_response: "ignored",
      },
    },
  ],
  fields: {
    agentName: [
      "gen_ai.agent.name",
      // AI SDK 7 names the span after the model where the agent has no name.
      { from: "name", like: "invoke_agent *", for: ["invocation"], unlike: "model" },
      { from: "name", like: "create_agent *", for: ["invocation"], unlike: "model" },
    ],
    conversationId: ["gen_ai.conversation.id"],
    model: ["gen_ai.request.model"],
    responseModel: ["gen_ai.response.model"],
    provider: ["gen_ai.provider.name", "gen_ai.system"],
    step: [{ from: "name", like: "step *", for: ["step"] }],
    name: [
      { from: "attribute", key: "gen_ai.workflow.name", for: ["workflow"] },
      { from: "attribute", key: "gen_ai.evaluation.name", for: ["evaluation"] },
      { from: "attribute", key: "gen_ai.guardrail.name", for: ["guardrail"] },
      { from: "name", like: "invoke_workflow *", for: ["workflow"] },
    ],
    toolName: ["gen_ai.tool.name", { from: "name", like: "execute_tool *" }],
    toolCallId: ["gen_ai.tool.call.id"],
    toolType: ["gen_ai.tool.type"],
    arguments: ["gen_ai.tool.call.arguments", "gen_ai.tool.input"],
    result: ["gen_ai.tool.call.result", "gen_ai.tool.output"],
    input: [
      "gen_ai.input.messages",
      "gen_ai.retrieval.query.text",
      "gen_ai.memory.query.text",
      { from: "attribute", key: "gen_ai.guardrail.input", for: ["guardrail"] },
    ],
    output: [
      "gen_ai.output.messages",
      "gen_ai.response.text",
      "gen_ai.response.tool_calls",
      "gen_ai.response.object",
      "gen_ai.retrieval.documents",
      "gen_ai.memory.records",
      { from: "attribute", key: "gen_ai.guardrail.output", for: ["guardrail"] },
    ],
    finishReason: [{ from: "first", key: "gen_ai.response.finish_reasons" }],
    timeToFirstChunkMillis: [
      { from: "seconds", key: "gen_ai.response.time_to_first_chunk" },
      { from: "seconds", key: "gen_ai.client.operation.time_to_first_chunk" },
    ],
    triggered: [{ from: "equals", key: "gen_ai.guardrail.status", value: "FAILED" }],
    score: ["gen_ai.evaluation.score.value"],
    label: ["gen_ai.evaluation.score.label"],
    inputTokens: ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"],
    outputTokens: ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"],
    totalTokens: ["gen_ai.usage.total_tokens"],
    cacheReadTokens: ["gen_ai.usage.cache_read.input_tokens"],
    cacheWriteTokens: [
      "gen_ai.usage.cache_write.input_tokens",
      "gen_ai.usage.cache_creation.input_tokens",
      "gen_ai.usage.cache_write_input_tokens",
    ],
    reasoningTokens: ["gen_ai.usage.reasoning.output_tokens"],
  },
  failures: [
    {
      source: { from: "first", key: "gen_ai.response.finish_reasons" },
      is: "error",
      message: [{ from: "constant", value: "the model finished with an error" }],
    },
  ],
  firstChunk: {
    // The first is set of a plain answer, too, together with everything else just before the end.
    attributes: [
      { key: "gen_ai.response.id", scope: "@opentelemetry/instrumentation-*" },
      { key: "gen_ai.response.time_to_first_chunk", scope: "spanbus/*" },
    ],
  },
  content: [
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.request.messages",
    "gen_ai.request.available_tools",
    "gen_ai.request.schema",
    "gen_ai.embeddings.input",
    "gen_ai.evaluation.explanation",
    "gen_ai.event.content",
    // The messages that were events of their own until v1.37.
    "gen_ai.prompt*",
    "gen_ai.completion*",
    "content",
    "message",
    "tool_calls",
    "tool.result",
    "system_prompt",
  ],
};

/**
 * The span names of the same conventions, for spans that have `gen_ai.*` attributes but no operation name. The last
 * resort: it belongs at the end of the list.
 */
export const genAiNames: Convention = {
  name: "OpenTelemetry GenAI span names",
  claims: [
    {
      by: "name",
      operations: {
        "chat *": "model",
        "text_completion *": "model",
        "generate_content *": "model",
        "embeddings *": "embedding",
        "execute_tool *": "tool",
        "invoke_agent *": "invocation",
      },
      where: { anyAttribute: "gen_ai.*" },
    },
  ],
  fields: {
    agentName: [{ from: "name", like: "invoke_agent *", for: ["invocation"], unlike: "model" }],
    toolName: [{ from: "name", like: "execute_tool *" }],
  },
};
