import { setTimeout as sleep } from "node:timers/promises";
import { simulateReadableStream } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import type { ChosenModel } from "../model.js";

type Call = Parameters<MockLanguageModelV3["doGenerate"]>[0];
type Reply = Awaited<ReturnType<MockLanguageModelV3["doGenerate"]>>;
type ReplyStream = Awaited<ReturnType<MockLanguageModelV3["doStream"]>>;
type StreamPart = ReplyStream["stream"] extends ReadableStream<infer Part> ? Part : never;
type Message = Call["prompt"][number];
type ToolResult = Extract<Extract<Message, { role: "tool" }>["content"][number], { type: "tool-result" }>;

interface ToolRequest {
  readonly toolName: string;
  readonly input: object;
}

/**
 * A model without a network: it asks for weather and flights of the trip it reads in the prompt, for trains if the flight
 * search failed, and then answers. Each call takes `delayMillis`, so that concurrent runs interleave as real ones do.
 */
export function scriptedModel({ delayMillis = 10 }: { delayMillis?: number } = {}): ChosenModel {
  const model = new MockLanguageModelV3({
    provider: "scripted",
    modelId: "travel-script",
    doGenerate: async (call) => {
      await sleep(delayMillis, undefined, { signal: call.abortSignal });
      return replyTo(call);
    },
    doStream: async (call) => {
      await sleep(delayMillis / 2, undefined, { signal: call.abortSignal });
      return { stream: simulateReadableStream({ chunks: partsOf(replyTo(call)), chunkDelayInMs: delayMillis / 10 }) };
    },
  });
  return { model, description: "a scripted model; with SPANBUS_MODEL_PROVIDER=oci or openai, a real one" };
}

function replyTo(call: Call): Reply {
  const requests = nextTools(call);
  const text = requests.length === 0 ? answerTo(call) : "";
  const written = text || JSON.stringify(requests);
  return {
    content: text
      ? [{ type: "text", text }]
      : requests.map(({ toolName, input }) => ({
          type: "tool-call",
          toolCallId: `call-${call.prompt.length}-${toolName}`,
          toolName,
          input: JSON.stringify(input),
        })),
    finishReason: { unified: text ? "stop" : "tool-calls", raw: undefined },
    usage: {
      inputTokens: {
        total: tokensIn(JSON.stringify(call.prompt)),
        noCache: undefined,
        cacheRead: undefined,
        cacheWrite: undefined,
      },
      outputTokens: { total: tokensIn(written), text: undefined, reasoning: undefined },
    },
    warnings: [],
  };
}

function nextTools({ prompt, tools = [] }: Call): readonly ToolRequest[] {
  const { from, to } = tripIn(prompt);
  const results = toolResults(prompt);
  const wanted: ToolRequest[] = [];
  if (results.length === 0) {
    wanted.push({ toolName: "get_weather", input: { city: to } }, { toolName: "search_flights", input: { from, to } });
  } else if (results.some(failed) && !results.some((result) => result.toolName === "search_trains")) {
    wanted.push({ toolName: "search_trains", input: { from, to } });
  }
  return wanted.filter((request) => tools.some((tool) => tool.name === request.toolName));
}

function answerTo({ prompt }: Call): string {
  const { to } = tripIn(prompt);
  const found = toolResults(prompt)
    .filter((result) => !failed(result))
    .map((result) =>
      result.output.type === "json"
        ? JSON.stringify(result.output.value)
        : "value" in result.output
          ? String(result.output.value)
          : "",
    );
  return [`${to} it is.`, ...found].join(" ");
}

function tripIn(prompt: Call["prompt"]): { from: string; to: string } {
  const words = prompt
    .filter((message) => message.role === "user")
    .flatMap((message) => message.content)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join(" ");
  return {
    from: /from (\p{Lu}\p{L}*)/u.exec(words)?.[1] ?? "Berlin",
    to: /to (\p{Lu}\p{L}*)/u.exec(words)?.[1] ?? "Rome",
  };
}

function toolResults(prompt: Call["prompt"]): readonly ToolResult[] {
  return prompt
    .filter((message) => message.role === "tool")
    .flatMap((message) => message.content)
    .filter((part) => part.type === "tool-result");
}

function failed(result: ToolResult): boolean {
  return result.output.type === "error-text" || result.output.type === "error-json";
}

/** Four characters a token, the usual rule of thumb. */
function tokensIn(text: string): number {
  return Math.ceil(text.length / 4);
}

function partsOf({ content, finishReason, usage }: Reply): StreamPart[] {
  return [
    { type: "stream-start", warnings: [] },
    ...content.flatMap((part): StreamPart[] =>
      part.type === "text" ? textParts(part.text) : part.type === "tool-call" ? [part] : [],
    ),
    { type: "finish", finishReason, usage },
  ];
}

function textParts(text: string): StreamPart[] {
  const words = text.split(/(?<= )/);
  return [
    { type: "text-start", id: "text" },
    ...words.map((delta): StreamPart => ({ type: "text-delta", id: "text", delta })),
    { type: "text-end", id: "text" },
  ];
}
