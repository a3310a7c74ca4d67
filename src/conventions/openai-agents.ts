import type { Convention } from "./convention.js";

/**
 * The OpenAI Agents SDK's own tracing, as `spanbus/openai-agents` hands it on: the fields of a span's data, each as
 * `openai.agents.<field>`. Models tell their tokens where they are OpenAI's; the turn around them tells them in any case.
 *
 * Source: @openai/agents-core 0.20.0, `tracing/spans`; @openai/agents-openai 0.20.0 for what responses and generations hold
 */
export const openAiAgents: Convention = {
  name: "OpenAI Agents SDK",
  claims: [
    {
      by: "attribute",
      key: "openai.agents.type",
      operations: {
        task: "workflow",
        agent: "invocation",
        turn: "step",
        response: "model",
        generation: "model",
        function: "tool",
        handoff: "handoff",
        guardrail: "guardrail",
        mcp_tools: "mcp",
      },
      // Traces, speech, and spans of the application's own.
      otherwise: "ignored",
    },
  ],
  fields: {
    agentName: [
      { from: "attribute", key: "openai.agents.name", for: ["invocation"] },
      { from: "attribute", key: "openai.agents.agent_name", for: ["step"] },
    ],
    conversationId: ["openai.agents.trace.group_id"],
    name: [{ from: "attribute", key: "openai.agents.name", for: ["workflow", "guardrail"] }],
    step: ["openai.agents.turn"],
    model: ["openai.agents.model", { from: "json", key: "openai.agents._response", path: "model" }],
    responseModel: [
      { from: "json", key: "openai.agents._response", path: "model" },
      { from: "json", key: "openai.agents.output", path: "0.model", for: ["model"] },
    ],
    provider: [{ from: "constant", value: "openai", where: { attributes: { "openai.agents.type": "response" } } }],
    toolName: [{ from: "attribute", key: "openai.agents.name", for: ["tool"] }],
    mcp: [{ from: "constant", value: true, where: { anyAttribute: "openai.agents.mcp_data" } }],
    mcpMethod: [
      { from: "constant", value: "tools/list", where: { attributes: { "openai.agents.type": "mcp_tools" } } },
    ],
    arguments: [{ from: "attribute", key: "openai.agents.input", for: ["tool"] }],
    result: [{ from: "attribute", key: "openai.agents.output", for: ["tool"] }],
    input: ["openai.agents._input", { from: "attribute", key: "openai.agents.input", for: ["model"] }],
    output: [
      { from: "json", key: "openai.agents._response", path: "output" },
      { from: "attribute", key: "openai.agents.output", for: ["model"] },
    ],
    finishReason: [{ from: "json", key: "openai.agents.output", path: "0.choices.0.finish_reason", for: ["model"] }],
    triggered: ["openai.agents.triggered"],
    from: ["openai.agents.from_agent"],
    to: ["openai.agents.to_agent"],
    inputTokens: [
      { from: "json", key: "openai.agents.usage", path: "input_tokens" },
      { from: "json", key: "openai.agents._response", path: "usage.input_tokens" },
      { from: "json", key: "openai.agents.output", path: "0.usage.prompt_tokens", for: ["model"] },
    ],
    outputTokens: [
      { from: "json", key: "openai.agents.usage", path: "output_tokens" },
      { from: "json", key: "openai.agents._response", path: "usage.output_tokens" },
      { from: "json", key: "openai.agents.output", path: "0.usage.completion_tokens", for: ["model"] },
    ],
    totalTokens: [
      { from: "json", key: "openai.agents._response", path: "usage.total_tokens" },
      { from: "json", key: "openai.agents.output", path: "0.usage.total_tokens", for: ["model"] },
    ],
    cacheReadTokens: [
      { from: "json", key: "openai.agents.usage", path: "cached_input_tokens" },
      { from: "json", key: "openai.agents._response", path: "usage.input_tokens_details.cached_tokens" },
      {
        from: "json",
        key: "openai.agents.output",
        path: "0.usage.prompt_tokens_details.cached_tokens",
        for: ["model"],
      },
    ],
    cacheWriteTokens: [{ from: "json", key: "openai.agents.usage", path: "cache_write_input_tokens" }],
    reasoningTokens: [
      { from: "json", key: "openai.agents._response", path: "usage.output_tokens_details.reasoning_tokens" },
      {
        from: "json",
        key: "openai.agents.output",
        path: "0.usage.completion_tokens_details.reasoning_tokens",
        for: ["model"],
      },
    ],
  },
  runId: [{ from: "json", key: "openai.agents.trace.metadata", path: "runId" }],
  tokens: { operations: ["model", "step"] },
  content: ["openai.agents._*", "openai.agents.input", "openai.agents.output", "openai.agents.data"],
};
