import { type Facts, facts, list, text } from "./message.js";

/** A message in the form of the GenAI conventions, which spans of the AI SDK have as well. */
export interface GenAiMessage {
  readonly role: unknown;
  readonly parts: readonly Facts[];
  readonly finish_reason?: string;
}

/** What goes to a model: `ModelMessage`s of the AI SDK. */
export function inputMessages(messages: unknown): readonly GenAiMessage[] | undefined {
  const all = list(messages).map(({ role, content }) => ({
    role,
    parts: typeof content === "string" ? [textPart(content)] : list(content).map(part),
  }));
  return all.length > 0 ? all : undefined;
}

/** What a model answers: the content of a call, as providers give it. */
export function outputMessage(content: unknown, finishReason: string | undefined): readonly GenAiMessage[] {
  const parts = list(content);
  const answer = parts.flatMap((each) => (each["type"] === "text" ? (text(each["text"]) ?? []) : [])).join("");
  return [
    {
      role: "assistant",
      parts: [
        ...parts.filter(({ type }) => type === "reasoning").map(part),
        ...(answer === "" ? [] : [textPart(answer)]),
        ...parts.filter(({ type }) => type !== "reasoning" && type !== "text" && type !== "source").map(part),
      ],
      ...(finishReason !== undefined && { finish_reason: finishWords[finishReason] ?? finishReason }),
    },
  ];
}

/** The words of the conventions, where they differ. */
const finishWords: Readonly<Record<string, string>> = {
  "tool-calls": "tool_call",
  "content-filter": "content_filter",
  other: "stop",
  unknown: "stop",
};

function textPart(content: unknown): Facts {
  return { type: "text", content };
}

function part(given: Facts): Facts {
  const { type } = given;
  switch (type) {
    case "text":
      return textPart(given["text"]);
    case "reasoning":
      return { type, content: given["text"] };
    case "tool-call":
      return { type: "tool_call", id: given["toolCallId"], name: given["toolName"], arguments: parsed(given["input"]) };
    case "tool-result":
      return { type: "tool_call_response", id: given["toolCallId"], response: response(given) };
    case "file":
    case "image":
      // Never the bytes: an event is small.
      return { type: "blob", mime_type: given["mediaType"] };
    default:
      return { type };
  }
}

function response(given: Facts): unknown {
  if (!("output" in given)) return given["result"];
  const output = facts(given["output"]);
  return "value" in output ? output["value"] : output;
}

/** Models write arguments as JSON. */
export function parsed(input: unknown): unknown {
  if (typeof input !== "string") return input;
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}
