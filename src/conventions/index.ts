import { aiSdk } from "./ai-sdk.js";
import type { Convention } from "./convention.js";
import { genAi, genAiNames } from "./gen-ai.js";
import { genkit } from "./genkit.js";
import { googleAdk } from "./google-adk.js";
import { langfuse } from "./langfuse.js";
import { langsmith } from "./langsmith.js";
import { mastra } from "./mastra.js";
import { mcp } from "./mcp.js";
import { mlflow } from "./mlflow.js";
import { openAiAgents } from "./openai-agents.js";
import { openinference } from "./openinference.js";
import { strands } from "./strands.js";
import { openllmetry, traceloop } from "./traceloop.js";

export type {
  AttributeSource,
  Claim,
  ClaimByAttribute,
  ClaimByName,
  ClaimedOperation,
  ClaimRule,
  ConstantSource,
  ContentRule,
  Convention,
  ConventionField,
  DateSource,
  EndedSpanView,
  EqualsSource,
  FailureRule,
  FirstChunkRules,
  FirstSource,
  JsonSource,
  NameSource,
  Pattern,
  PlainSource,
  SecondsSource,
  Source,
  SourceOptions,
  SpanView,
  TokenParts,
  TokenRules,
  Tokens,
  Where,
} from "./convention.js";
export { Interpreter } from "./interpreter.js";
export type { Reading } from "./reading.js";
export {
  aiSdk,
  genAi,
  genAiNames,
  genkit,
  googleAdk,
  langfuse,
  langsmith,
  mastra,
  mcp,
  mlflow,
  openAiAgents,
  openinference,
  openllmetry,
  strands,
  traceloop,
};

/**
 * All tables, most specific first: a span may carry the attributes of several families. Put your own in front:
 * `new EventBus({ conventions: [mine, ...defaultConventions] })`.
 */
export const defaultConventions: readonly Convention[] = Object.freeze([
  mcp,
  mastra,
  aiSdk,
  openAiAgents,
  langsmith,
  genkit,
  googleAdk,
  strands,
  genAi,
  openinference,
  langfuse,
  traceloop,
  mlflow,
  openllmetry,
  genAiNames,
]);
