import type { Convention, Source } from "./convention.js";

/** Where capturing is off, what it would hold is `{}`. */
function captured(key: string): Source {
  return { from: "attribute", key, where: { attributes: { [key]: '{"*' } } };
}

/**
 * Google's Agent Development Kit. A span starts with nothing but its name; a model call lasts until its tools are done, or
 * the agent that it hands over to. `llm_response` is of the model, as Gemini answers, and `{}` on tools.
 *
 * Source: @google/adk 2.0.0, telemetry/tracing
 */
export const googleAdk: Convention = {
  name: "Google ADK",
  claims: [
    {
      by: "name",
      operations: {
        "invoke_agent *": "invocation",
        call_llm: "model",
        "execute_tool *": "tool",
        // What it holds are the results of the tools before it, once more.
        "execute_tool (merged)": "ignored",
        "invoke_workflow *": "workflow",
        "execute_node *": "step",
        "execute_node_attempt *": "step",
        // It stands around an agent or a workflow, and says nothing.
        invocation: "ignored",
      },
      where: { scope: "gcp.vertex.agent" },
    },
  ],
  fields: {
    agentName: [{ from: "name", like: "invoke_agent *", for: ["invocation"] }],
    conversationId: ["gcp.vertex.agent.session_id"],
    responseModel: [{ from: "json", key: "gcp.vertex.agent.llm_response", path: "modelVersion" }],
    name: [
      { from: "name", like: "invoke_workflow *", for: ["workflow"] },
      { from: "name", like: "execute_node *", for: ["step"] },
    ],
    toolName: [{ from: "name", like: "execute_tool *" }],
    arguments: [captured("gcp.vertex.agent.tool_call_args")],
    result: [captured("gcp.vertex.agent.tool_response")],
    input: [captured("gcp.vertex.agent.llm_request")],
    output: [{ from: "json", key: "gcp.vertex.agent.llm_response", path: "content" }],
    totalTokens: [{ from: "json", key: "gcp.vertex.agent.llm_response", path: "usageMetadata.totalTokenCount" }],
    cacheReadTokens: [
      { from: "json", key: "gcp.vertex.agent.llm_response", path: "usageMetadata.cachedContentTokenCount" },
    ],
    reasoningTokens: [{ from: "json", key: "gcp.vertex.agent.llm_response", path: "usageMetadata.thoughtsTokenCount" }],
  },
  content: ["gcp.vertex.agent.data"],
};
