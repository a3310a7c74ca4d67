/**
 * The metrics of agents, one row each, after the GenAI semantic conventions, which are in development:
 * https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md
 */

const tokens = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864] as const;
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] as const;
const longSeconds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6] as const;

export interface AgentFigureRow {
  readonly instrument: "histogram" | "upDownCounter";
  readonly unit: string;
  readonly says: string;
  /** Bucket boundaries of a histogram. */
  readonly boundaries?: readonly number[];
  readonly attributes: readonly AgentAttribute[];
}

/** Attributes: the field of the event data that one is taken from, and whether its values are words of ours, so few. */
export const agentAttributes: Readonly<Record<AgentAttribute, { readonly field?: string; readonly isOurs?: true }>> = {
  "gen_ai.operation.name": { isOurs: true },
  "gen_ai.provider.name": { field: "provider" },
  "gen_ai.request.model": { field: "model" },
  "gen_ai.response.model": { field: "responseModel" },
  "gen_ai.token.type": { isOurs: true },
  "gen_ai.agent.name": { field: "agentName" },
  "gen_ai.tool.name": { field: "toolName" },
  "gen_ai.tool.type": { field: "toolType" },
  "error.type": {},
};
export type AgentAttribute =
  | "gen_ai.operation.name"
  | "gen_ai.provider.name"
  | "gen_ai.request.model"
  | "gen_ai.response.model"
  | "gen_ai.token.type"
  | "gen_ai.agent.name"
  | "gen_ai.tool.name"
  | "gen_ai.tool.type"
  | "error.type";

export const agentFigures = {
  "gen_ai.client.token.usage": {
    instrument: "histogram",
    unit: "{token}",
    says: "Tokens of one operation, read and written.",
    boundaries: tokens,
    attributes: ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.token.type"],
  },
  "gen_ai.client.operation.duration": {
    instrument: "histogram",
    unit: "s",
    says: "Duration of a call of a model.",
    boundaries: seconds,
    attributes: [
      "gen_ai.operation.name",
      "gen_ai.provider.name",
      "gen_ai.request.model",
      "gen_ai.response.model",
      "error.type",
    ],
  },
  "gen_ai.client.operation.time_to_first_chunk": {
    instrument: "histogram",
    unit: "s",
    says: "Time from the start of a streaming call to its first chunk.",
    boundaries: seconds,
    attributes: ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model"],
  },
  "gen_ai.execute_tool.duration": {
    instrument: "histogram",
    unit: "s",
    says: "Duration of a tool at work.",
    boundaries: seconds,
    attributes: ["gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.agent.name", "error.type"],
  },
  "gen_ai.invoke_agent.duration": {
    instrument: "histogram",
    unit: "s",
    says: "Duration of an agent's work on one request.",
    boundaries: longSeconds,
    attributes: ["gen_ai.agent.name", "gen_ai.request.model", "error.type"],
  },
  "spanbus.agent.run.active": {
    instrument: "upDownCounter",
    unit: "{run}",
    says: "Agents at work now, those that work for other agents included.",
    attributes: ["gen_ai.agent.name"],
  },
} as const satisfies Record<string, AgentFigureRow>;

export type AgentMetric = keyof typeof agentFigures;

/** Which operations are measured, and as what. */
export const measured = {
  model: { metric: "gen_ai.client.operation.duration", name: "chat" },
  embedding: { metric: "gen_ai.client.operation.duration", name: "embeddings" },
  tool: { metric: "gen_ai.execute_tool.duration", name: "execute_tool" },
  invocation: { metric: "gen_ai.invoke_agent.duration", name: "invoke_agent" },
} as const satisfies Record<string, { metric: AgentMetric; name: string }>;
