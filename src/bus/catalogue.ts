/**
 * What events exist and what their data holds. One row each; the TypeScript types in `event.ts`, docs/EVENTS.md and
 * the tests are made from these tables. A field name with `!` is always present.
 */

/** Every field that event data of the catalogue may hold: its type and meaning. `content` fields obey the option of that name. */
export const fields = {
  agentName: { type: "string", says: "Name of the agent, or of the nearest agent around the span." },
  conversationId: { type: "string", says: "Conversation, session or thread the run belongs to." },
  model: { type: "string", says: "Model asked for." },
  responseModel: { type: "string", says: "Model that answered." },
  provider: { type: "string", says: "Provider of the model, such as `openai`." },
  step: { type: "number", says: "Number of the step, as the instrumentation counts." },
  name: { type: "string", says: "Name of the span, or of the evaluation." },
  input: { type: "content", says: "What was asked; at the end only if it was not known at the start." },
  output: { type: "content", says: "What was answered." },
  finishReason: { type: "string", says: "Why the model stopped: `stop`, `tool_calls`, `length`, `content_filter`, `error`, or the model's own word." },
  timeToFirstChunkMillis: { type: "number", says: "Milliseconds from the start of the call to its first chunk." },
  text: { type: "content", says: "Text of the chunk; chunks in quick succession are joined, a preview is of each." },
  chunks: { type: "number", says: "How many chunks were joined into this event. Of what they say besides their text the latest counts." },
  toolName: { type: "string", says: "Name of the tool." },
  toolCallId: { type: "string", says: "The model's id of the call, where the instrumentation tells it." },
  toolType: { type: "string", says: "Kind of tool, such as `function`." },
  mcp: { type: "boolean", says: "The call went over the Model Context Protocol." },
  mcpMethod: { type: "string", says: "Method of the Model Context Protocol, such as `tools/list`." },
  arguments: { type: "content", says: "Arguments of the call; at the end only if they were not known at the start." },
  result: { type: "content", says: "Result of the call." },
  triggered: { type: "boolean", says: "The guardrail objected." },
  score: { type: "number", says: "Score of the evaluation." },
  label: { type: "string", says: "Verdict of the evaluation in a word." },
  from: { type: "string", says: "Agent that hands over." },
  to: { type: "string", says: "Agent that takes over." },
  inputTokens: { type: "number", says: "Tokens read, cached ones included where the instrumentation says so." },
  outputTokens: { type: "number", says: "Tokens written, reasoning included where the instrumentation says so." },
  totalTokens: { type: "number", says: "Sum as the instrumentation reports it." },
  cacheReadTokens: { type: "number", says: "Input tokens that came from a cache." },
  cacheWriteTokens: { type: "number", says: "Input tokens written to a cache." },
  reasoningTokens: { type: "number", says: "Output tokens spent on reasoning." },
  durationMillis: { type: "number", says: "Milliseconds from start to end of the span." },
  reason: { type: "outcome", says: "How the agent ended." },
  modelCalls: { type: "number", says: "Model calls below the agent, wrappers not counted." },
  toolCalls: { type: "number", says: "Tool calls below the agent, wrappers not counted." },
  failedToolCalls: { type: "number", says: "Tool calls that failed." },
  error: { type: "error", says: "What went wrong: `{ type, message }`, the message cut at 500 characters." },
} as const satisfies Record<string, { type: FieldType; says: string }>;

export type FieldType = "string" | "number" | "boolean" | "content" | "outcome" | "error";
export type FieldName = keyof typeof fields;
type FieldUse = FieldName | `${FieldName}!`;

/** What an agent does. Each operation has the events `agent.<operation>.started`, `.completed` and `.failed`. */
export const operations = {
  invocation: { says: "An agent works on a request (or is created).", data: ["agentName", "conversationId", "model", "provider"], start: ["input"], end: ["input", "output"] },
  workflow: { says: "A workflow, a chain or a node of a graph, around agents, models and tools.", data: ["agentName", "conversationId", "name"], start: ["input"], end: ["input", "output"] },
  step: { says: "One turn of an agent's loop, a step of a workflow, or a plan.", data: ["agentName", "conversationId", "name", "step"], start: [], end: [] },
  model: { says: "A call of a language model.", data: ["model", "provider", "agentName", "conversationId", "step"], start: ["input"], end: ["input", "responseModel", "finishReason", "timeToFirstChunkMillis", "output"] },
  tool: { says: "A tool at work.", data: ["toolName!", "toolCallId", "toolType", "mcp", "agentName", "conversationId"], start: ["arguments"], end: ["arguments", "result"] },
  retrieval: { says: "A search in a knowledge source.", data: ["agentName", "conversationId", "name"], start: ["input"], end: ["output"] },
  embedding: { says: "A call of an embedding model.", data: ["model", "provider", "agentName", "conversationId"], start: [], end: ["responseModel"] },
  rerank: { says: "A call of a reranking model.", data: ["model", "provider", "agentName", "conversationId"], start: [], end: [] },
  memory: { says: "A read or write of an agent's memory.", data: ["agentName", "conversationId", "name"], start: ["input"], end: ["output"] },
  guardrail: { says: "A check of what goes in or out.", data: ["agentName", "conversationId", "name"], start: ["input"], end: ["triggered", "output"] },
  evaluation: { says: "A judgement of an answer.", data: ["agentName", "conversationId", "name"], start: ["input"], end: ["score", "label", "output"] },
  mcp: { says: "A request of the Model Context Protocol that is no tool call.", data: ["agentName", "conversationId", "mcpMethod"], start: [], end: [] },
} as const satisfies Record<string, { says: string; data: readonly FieldUse[]; start: readonly FieldUse[]; end: readonly FieldUse[] }>;

/** The events besides the phases of the operations. */
export const otherEvents = {
  "agent.model.first_chunk": { says: "A streaming model call produced its first chunk.", data: ["model", "agentName", "timeToFirstChunkMillis"] },
  "agent.model.chunk": { says: "Text of a streaming model call. Delivered live, not kept.", data: ["text", "chunks"] },
  "agent.tokens.used": { says: "Tokens of one model call, told once also where spans around it report them.", data: ["model", "provider", "agentName", "inputTokens", "outputTokens", "totalTokens", "cacheReadTokens", "cacheWriteTokens", "reasoningTokens"] },
  "agent.handoff": { says: "One agent handed over to another.", data: ["from", "to"] },
  "agent.terminate": { says: "The outermost agent is over; totals of everything below it.", data: ["reason!", "agentName", "durationMillis!", "modelCalls!", "toolCalls!", "failedToolCalls!", "inputTokens", "outputTokens", "error"] },
  "span.started": { says: "A span that is no agent's work, where `include` asks for it.", data: ["name!"] },
  "span.completed": { says: "Its end.", data: ["name!", "durationMillis!"] },
  "span.failed": { says: "Its failure.", data: ["name!", "durationMillis!", "error!"] },
} as const satisfies Record<string, { says: string; data: readonly FieldUse[] }>;
