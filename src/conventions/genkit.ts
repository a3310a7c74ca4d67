import type { Convention } from "./convention.js";

/**
 * Genkit. What an action does stands in its subtype; `generate`, a `util`, is one turn of the loop and nests in itself.
 * Input and output are JSON, and the tokens are inside the output. Names of models are `provider/model`.
 *
 * Source: @genkit-ai/core 1.42.0, tracing
 */
export const genkit: Convention = {
  name: "Genkit",
  claims: [
    {
      by: "attribute",
      key: "genkit:metadata:subtype",
      operations: {
        model: "model",
        "background-model": "model",
        tool: "tool",
        "tool.v2": "tool",
        flow: "workflow",
        flowStep: "step",
        embedder: "embedding",
        retriever: "retrieval",
        reranker: "rerank",
        evaluator: "evaluation",
        agent: "invocation",
      },
    },
    {
      by: "attribute",
      key: "genkit:type",
      operations: { util: "step", flowStep: "step", flow: "workflow" },
      otherwise: "ignored",
    },
  ],
  fields: {
    agentName: [{ from: "name", like: "*", for: ["invocation"] }],
    conversationId: ["genkit:sessionId"],
    model: [{ from: "name", like: "*", for: ["model", "embedding", "rerank"] }],
    provider: [{ from: "name", like: "*", before: "/", for: ["model", "embedding", "rerank"] }],
    name: ["genkit:name"],
    toolName: ["genkit:name", { from: "name", like: "*" }],
    arguments: [{ from: "attribute", key: "genkit:input", for: ["tool"] }],
    result: [{ from: "attribute", key: "genkit:output", for: ["tool"] }],
    input: ["genkit:input"],
    output: ["genkit:output"],
    finishReason: [{ from: "json", key: "genkit:output", path: "finishReason" }],
    inputTokens: [{ from: "json", key: "genkit:output", path: "usage.inputTokens" }],
    outputTokens: [{ from: "json", key: "genkit:output", path: "usage.outputTokens" }],
    totalTokens: [{ from: "json", key: "genkit:output", path: "usage.totalTokens" }],
    cacheReadTokens: [{ from: "json", key: "genkit:output", path: "usage.cachedContentTokens" }],
    reasoningTokens: [{ from: "json", key: "genkit:output", path: "usage.thoughtsTokens" }],
  },
  failures: [{ source: "genkit:state", is: "error" }],
  content: ["genkit:metadata:context"],
};
