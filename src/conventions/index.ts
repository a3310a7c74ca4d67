export { aiSdk } from "./ai-sdk.js";
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
  SecondsSource,
  Source,
  SourceOptions,
  SpanView,
  TokenRules,
  Tokens,
  Where,
} from "./convention.js";
export { defaultConventions } from "./default-conventions.js";
export { genAi, genAiNames } from "./gen-ai.js";
export { genkit } from "./genkit.js";
export { Interpreter } from "./interpreter.js";
export { langfuse } from "./langfuse.js";
export { langsmith } from "./langsmith.js";
export { mastra } from "./mastra.js";
export { mcp } from "./mcp.js";
export { mlflow } from "./mlflow.js";
export { openinference } from "./openinference.js";
export type { Reading } from "./reading.js";
export { openllmetry, traceloop } from "./traceloop.js";
