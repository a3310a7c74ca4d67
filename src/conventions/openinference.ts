import type { Convention } from "./convention.js";

/**
 * OpenInference, the conventions of Arize. Messages are flattened into two and more attributes each. A handoff of the
 * OpenAI Agents SDK comes as a tool.
 *
 * Source: @arizeai/openinference-semantic-conventions 2.12.0; instrumentations openai 4.2.7, langchain 4.1.1,
 * openai-agents 0.2.15, claude-agent-sdk 0.3.1
 */
export const openinference: Convention = {
  name: "OpenInference",
  claims: [
    {
      by: "attribute",
      key: "openinference.span.kind",
      operations: { TOOL: "handoff" },
      where: { name: ["handoff", "handoff to *", "handoff_to_*"] },
    },
    {
      by: "attribute",
      key: "openinference.span.kind",
      operations: { TOOL: "handoff" },
      where: { attributes: { "tool.name": "handoff_to_*" } },
    },
    {
      by: "attribute",
      key: "openinference.span.kind",
      operations: {
        LLM: "model",
        AGENT: "invocation",
        TOOL: "tool",
        CHAIN: "workflow",
        RETRIEVER: "retrieval",
        RERANKER: "rerank",
        EMBEDDING: "embedding",
        GUARDRAIL: "guardrail",
        EVALUATOR: "evaluation",
        PROMPT: "ignored",
      },
    },
  ],
  fields: {
    agentName: [
      "gen_ai.agent.name",
      "agent.name",
      { from: "attribute", key: "graph.node.id", for: ["invocation"] },
      { from: "name", like: "*", for: ["invocation"] },
    ],
    conversationId: ["gen_ai.conversation.id", "session.id"],
    model: [
      "llm.request.model_name",
      // At the end `llm.model_name` is the model that answered.
      { from: "json", key: "llm.invocation_parameters", path: "model" },
      "llm.model_name",
      "embedding.model_name",
      "reranker.model_name",
    ],
    responseModel: ["llm.response.model_name", { from: "attribute", key: "llm.model_name", unlike: "model" }],
    provider: ["llm.provider", "llm.system"],
    toolName: ["tool.name", { from: "name", like: "*" }],
    toolCallId: ["tool_call.id", "tool.id"],
    arguments: [{ from: "attribute", key: "input.value", for: ["tool"] }],
    result: [
      // The message of a tool of LangChain, with all it is made of.
      { from: "json", key: "output.value", path: "output.kwargs.content", for: ["tool"] },
      { from: "attribute", key: "output.value", for: ["tool"] },
    ],
    input: ["input.value"],
    output: ["output.value"],
    finishReason: ["llm.finish_reason"],
    triggered: ["guardrail.triggered"],
    from: [{ from: "json", key: "input.value", path: "from_agent", for: ["handoff"] }],
    to: [
      { from: "json", key: "output.value", path: "to_agent", for: ["handoff"] },
      { from: "attribute", key: "tool.name", like: "handoff_to_*", for: ["handoff"] },
      { from: "name", like: "handoff to *", for: ["handoff"] },
    ],
    inputTokens: ["llm.token_count.prompt"],
    outputTokens: ["llm.token_count.completion"],
    totalTokens: ["llm.token_count.total"],
    cacheReadTokens: ["llm.token_count.prompt_details.cache_read"],
    cacheWriteTokens: ["llm.token_count.prompt_details.cache_write"],
    reasoningTokens: ["llm.token_count.completion_details.reasoning"],
  },
  failures: [
    {
      source: "llm.finish_reason",
      is: "error",
      message: [{ from: "constant", value: "the model finished with an error" }],
    },
  ],
  content: [
    "llm.input_messages*",
    "llm.output_messages*",
    "input.audio.*",
    "output.audio.*",
    "llm.prompts*",
    "llm.choices*",
    "llm.prompt_template.*",
    "llm.invocation_parameters",
    "llm.function_call",
    "llm.tools*",
    "tool.parameters",
    "tool.json_schema",
    "tool.description",
    "message.*",
    "retrieval.documents*",
    "reranker.query",
    "reranker.input_documents*",
    "reranker.output_documents*",
    "embedding.embeddings*",
    "metadata",
  ],
};
