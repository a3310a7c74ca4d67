type Json = Readonly<Record<string, unknown>>;

/** Where the words of a message stand, in the shapes that instrumentations and providers write. */
const HOLDERS = ["parts", "content", "text", "message", "messages", "choices", "generations", "output"] as const;
/** What tells a message, or a response of a provider, from an answer that somebody wanted as JSON. */
const MARKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  role: (value) => /^(assistant|model|ai|user|system|tool)$/.test(String(value)),
  type: (value) => WORDS.test(String(value)) || WORDLESS.test(String(value)),
  message: (value) => typeof value === "object" && value !== null,
  parts: Array.isArray,
  choices: Array.isArray,
  generations: Array.isArray,
  toolCalls: Array.isArray,
  tool_calls: Array.isArray,
  toolCallId: (value) => typeof value === "string",
  output_text: (value) => typeof value === "string",
};
const MAX_DEPTH = 32;
const WORDS = /^(message|text|output_text)$/;
const WORDLESS = /^(tool|function|mcp|reasoning|thinking|redacted)/;

/**
 * The words in the `output` of a model call or an agent: plain text as it is, the text of messages written as JSON, and
 * nothing of what only asks for tools. JSON of another shape is the answer itself.
 */
export function answerText(output: string, finishReason: string | undefined): string {
  if (!/^\s*[[{]/.test(output)) return output;
  const value = parsed(output);
  // A preview cuts JSON in the middle.
  if (value === undefined) return finishReason === "tool_calls" ? "" : output;
  const messages = Array.isArray(value) ? value : [value];
  return messages.length > 0 && messages.every(isMessage) ? wordsIn(messages) : output;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(MARKS).some(([key, holds]) => key in value && holds((value as Json)[key]));
}

/** Deeper than messages are: a model may write anything, and must not exhaust the stack. */
function wordsIn(value: unknown, depth = 0): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return "";
  if (Array.isArray(value)) return value.map((each) => wordsIn(each, depth + 1)).join("");
  const part = value as Json;
  if (WORDLESS.test(String(part["type"]))) return "";
  const holder = HOLDERS.find((key) => part[key] !== undefined && (key !== "text" || typeof part[key] === "string"));
  return holder === undefined ? "" : wordsIn(part[holder], depth + 1);
}
