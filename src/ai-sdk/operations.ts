import { inputMessages, outputMessage, parsed } from "./gen-ai-messages.js";
import { type Facts, facts, list, text } from "./message.js";

type Attributes = Readonly<Record<string, unknown>>;

/** How one type of message is told as a span, with the attributes that `@ai-sdk/otel` would have given it. */
export interface TracedOperation {
  /** What it is in the words of the GenAI conventions: `gen_ai.operation.name`. */
  readonly is: string;
  /** It begins a call of the SDK; the others are parts of one. */
  readonly isCall?: true;
  readonly name: (event: Facts) => string;
  readonly started: (event: Facts) => Attributes;
  readonly ended: (result: Facts, event: Facts) => Attributes;
  /** The failure that the SDK hands on as a result. */
  readonly failure?: (result: Facts) => { readonly error: unknown } | undefined;
}

const nothing = (): Attributes => ({});

const agent: TracedOperation = {
  is: "invoke_agent",
  isCall: true,
  name: ({ modelId }) => `invoke_agent ${modelId}`,
  started: (event) => ({
    "gen_ai.agent.name": event["functionId"],
    ...model(event),
    ...prompt(event),
    ...application(event),
  }),
  ended: nothing,
};

const embedding: TracedOperation = {
  is: "embeddings",
  isCall: true,
  name: ({ modelId }) => `embeddings ${modelId}`,
  started: (event) => ({ ...model(event), ...application(event) }),
  ended: ({ usage }) => ({ "gen_ai.usage.input_tokens": facts(usage)["tokens"] }),
};

const rerank: TracedOperation = {
  is: "rerank",
  isCall: true,
  name: ({ modelId }) => `rerank ${modelId}`,
  started: (event) => ({ ...model(event), ...application(event) }),
  ended: nothing,
};

/** Types of messages. What is not here (speech, transcription, decisions) is no agent's work. */
export const operations: ReadonlyMap<string, TracedOperation> = new Map<string, TracedOperation>([
  ["generateText", agent],
  ["streamText", agent],
  [
    "step",
    {
      is: "agent_step",
      name: ({ stepNumber }) => `step ${Number(stepNumber) + 1}`,
      started: nothing,
      ended: nothing,
    },
  ],
  [
    "languageModelCall",
    {
      is: "chat",
      name: ({ modelId }) => `chat ${modelId}`,
      started: (event) => ({ ...model(event), ...prompt(event) }),
      ended: answer,
    },
  ],
  [
    "executeTool",
    {
      is: "execute_tool",
      name: ({ toolCall }) => `execute_tool ${facts(toolCall)["toolName"]}`,
      started: ({ toolCall }) => tool(facts(toolCall)),
      ended: ({ output }) => ({ "gen_ai.tool.call.result": facts(output)["output"] }),
      failure: ({ output }) => {
        const { type, error } = facts(output);
        return type === "tool-error" ? { error } : undefined;
      },
    },
  ],
  ["embed", embedding],
  ["embedMany", embedding],
  ["rerank", rerank],
]);

function model({ provider, modelId }: Facts): Attributes {
  return { "gen_ai.provider.name": provider, "gen_ai.request.model": modelId };
}

function prompt({ instructions, messages }: Facts): Attributes {
  return { "gen_ai.system_instructions": instructions, "gen_ai.input.messages": inputMessages(messages) };
}

/** What the application says of the call, where `includeRuntimeContext` lets it through. */
function application({ runtimeContext }: Facts): Attributes {
  const given = Object.entries(facts(runtimeContext));
  return Object.fromEntries(given.map(([key, value]) => [`ai.settings.context.${key}`, value]));
}

function tool({ toolName, toolCallId, providerExecuted, input }: Facts): Attributes {
  return {
    "gen_ai.tool.name": toolName,
    "gen_ai.tool.call.id": toolCallId,
    "gen_ai.tool.type": providerExecuted ? "extension" : "function",
    "gen_ai.tool.call.arguments": parsed(input),
  };
}

/** What a model answered, in the form that providers give it. */
function answer({ content, finishReason, usage, response }: Facts, { modelId }: Facts): Attributes {
  const reason = text(facts(finishReason)["unified"]) ?? text(finishReason);
  const input = facts(facts(usage)["inputTokens"]);
  const output = facts(facts(usage)["outputTokens"]);
  return {
    "gen_ai.response.finish_reasons": reason === undefined ? undefined : [reason],
    // Of a provider that names none the SDK says so, too.
    "gen_ai.response.model": reason === undefined ? undefined : (facts(response)["modelId"] ?? modelId),
    "gen_ai.usage.input_tokens": input["total"],
    "gen_ai.usage.output_tokens": output["total"],
    "gen_ai.usage.cache_read.input_tokens": input["cacheRead"],
    "gen_ai.usage.cache_creation.input_tokens": input["cacheWrite"],
    "gen_ai.usage.reasoning.output_tokens": output["reasoning"],
    "gen_ai.output.messages": list(content).length > 0 ? outputMessage(content, reason) : undefined,
  };
}
