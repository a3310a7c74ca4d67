import { setTimeout as delay } from "node:timers/promises";

/** One answer of a model, or an error to throw. */
export type Answer = string | readonly ToolCall[] | Error;

export interface ToolCall {
  readonly type: "tool-call";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: string;
}

export function call(toolName: string, input: object, toolCallId = `call-${toolName}`): ToolCall {
  return { type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) };
}

const usage = {
  inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
};

/** The calls of a mock model of the AI SDK that gives these answers one after the other, at once or as a stream. */
export function script(...answers: Answer[]) {
  const next = () => {
    const answer = answers.shift() ?? new Error("the script is over");
    if (answer instanceof Error) throw answer;
    const unified = typeof answer === "string" ? ("stop" as const) : ("tool-calls" as const);
    return { answer, rest: { finishReason: { unified, raw: unified }, usage } };
  };
  return {
    provider: "scripted.chat",
    modelId: "scripted-1",
    doGenerate: async () => {
      const { answer, rest } = next();
      const content = typeof answer === "string" ? [{ type: "text" as const, text: answer }] : [...answer];
      return { content, warnings: [], ...rest };
    },
    doStream: async () => {
      const { answer, rest } = next();
      const content = typeof answer === "string" ? words(answer) : answer;
      const begin = { type: "stream-start" as const, warnings: [] };
      return { stream: streamed([begin, ...content, { type: "finish" as const, ...rest }]) };
    },
  };
}

function words(text: string) {
  return [
    { type: "text-start" as const, id: "1" },
    ...text.split(/(?= )/).map((delta) => ({ type: "text-delta" as const, id: "1", delta })),
    { type: "text-end" as const, id: "1" },
  ];
}

/** A part every few milliseconds. */
function streamed<Part>(parts: Part[]): ReadableStream<Part> {
  return new ReadableStream<Part>({
    async pull(controller) {
      await delay(5);
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(part);
    },
  });
}
