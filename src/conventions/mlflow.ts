import type { Convention } from "./convention.js";

/**
 * MLflow Tracing for TypeScript. Every attribute is written as JSON, texts with their quotes.
 *
 * Source: mlflow-tracing 0.1.3, https://github.com/mlflow/mlflow, libs/typescript/core/src/core
 */
export const mlflow: Convention = {
  name: "MLflow",
  claims: [
    {
      by: "attribute",
      key: "mlflow.spanType",
      operations: {
        LLM: "model",
        CHAT_MODEL: "model",
        AGENT: "invocation",
        TOOL: "tool",
        CHAIN: "workflow",
        WORKFLOW: "workflow",
        TASK: "step",
        RETRIEVER: "retrieval",
        RERANKER: "rerank",
        EMBEDDING: "embedding",
        MEMORY: "memory",
        GUARDRAIL: "guardrail",
        EVALUATOR: "evaluation",
        PARSER: "ignored",
        UNKNOWN: "ignored",
      },
    },
  ],
  fields: {
    agentName: ["gen_ai.agent.name", { from: "name", like: "*", for: ["invocation"] }],
    conversationId: ["gen_ai.conversation.id", "session.id"],
    model: ["mlflow.llm.model", { from: "json", key: "mlflow.spanInputs", path: "model" }],
    responseModel: [{ from: "json", key: "mlflow.spanOutputs", path: "model" }],
    provider: ["mlflow.llm.provider"],
    toolName: [{ from: "name", like: "*" }],
    arguments: [{ from: "attribute", key: "mlflow.spanInputs", for: ["tool"] }],
    result: [{ from: "attribute", key: "mlflow.spanOutputs", for: ["tool"] }],
    input: ["mlflow.spanInputs"],
    output: ["mlflow.spanOutputs"],
    inputTokens: [{ from: "json", key: "mlflow.chat.tokenUsage", path: "input_tokens" }],
    outputTokens: [{ from: "json", key: "mlflow.chat.tokenUsage", path: "output_tokens" }],
    totalTokens: [{ from: "json", key: "mlflow.chat.tokenUsage", path: "total_tokens" }],
    cacheReadTokens: [{ from: "json", key: "mlflow.chat.tokenUsage", path: "cache_read_input_tokens" }],
    cacheWriteTokens: [{ from: "json", key: "mlflow.chat.tokenUsage", path: "cache_creation_input_tokens" }],
  },
  content: ["mlflow.chat.messages", "mlflow.chat.tools", "mlflow.traceInputs", "mlflow.traceOutputs"],
};
