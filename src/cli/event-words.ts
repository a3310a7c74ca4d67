import type { BusEvent, Operation } from "../bus/event.js";
import { plain } from "./plain-text.js";

/** An event in words. Empty words are left out. */
export interface EventWords {
  readonly mark: "▸" | "✓" | "✗" | "·" | "■" | "●" | "○" | "→" | "⚠" | "•";
  /** What it is about, such as `tool`. */
  readonly noun: string;
  /** The name of it, such as `get_weather`. */
  readonly name?: string | undefined;
  /** Durations, tokens, outcomes. */
  readonly figures?: readonly (string | undefined)[];
  /** What people, models and tools wrote. */
  readonly content?: string | undefined;
  /** What went wrong. */
  readonly error?: string | undefined;
}

type Data = Readonly<Record<string, unknown>>;

/** What an operation is called, and the fields that name it. */
const nouns: Readonly<Record<Operation, readonly [noun: string, ...fields: string[]]>> = {
  invocation: ["agent", "agentName"],
  workflow: ["workflow", "name", "agentName"],
  step: ["step", "step", "name"],
  model: ["model", "model"],
  tool: ["tool", "toolName"],
  retrieval: ["retrieval", "name"],
  embedding: ["embedding", "model"],
  rerank: ["rerank", "model"],
  memory: ["memory", "name"],
  guardrail: ["guardrail", "name"],
  evaluation: ["evaluation", "name"],
  mcp: ["mcp", "mcpMethod"],
};

/** Whatever an endpoint sent: a field may be missing or of another type than the catalogue says. */
export function wordsOf(event: BusEvent): EventWords {
  const type: string = event.type;
  const data: Data = event.data as Data;
  const [, operation = "", phase] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(type) ?? [];
  if (phase !== undefined && Object.hasOwn(nouns, operation)) {
    const [noun, ...fields] = nouns[operation as Operation];
    return { noun, name: firstText(data, fields), ...phaseWords(phase, data) };
  }
  switch (type) {
    case "agent.model.first_chunk":
      return { mark: "·", noun: "first chunk", figures: [millis(data["timeToFirstChunkMillis"])] };
    case "agent.model.chunk":
      return { mark: "·", noun: "chunk", content: text(data["text"]) };
    case "agent.tokens.used":
      return { mark: "·", noun: "tokens", figures: [...tokens(data, ""), cached(data["cacheReadTokens"])] };
    case "agent.handoff":
      return { mark: "→", noun: "handoff", name: `${text(data["from"]) ?? "?"} → ${text(data["to"]) ?? "?"}` };
    case "agent.terminate":
      return totals(data);
    case "bus.gap":
      return { mark: "⚠", noun: gapOf(data) };
    case "bus.run.opened":
      return { mark: "●", noun: "run opened" };
    case "bus.run.closed":
      return runOver(data["outcome"]);
    default:
      return { mark: "•", noun: plain(type), content: Object.keys(data).length > 0 ? text(data) : undefined };
  }
}

/** The last line of a run. */
export function runOver(outcome: unknown): EventWords {
  return { mark: "○", noun: `run ${text(outcome) ?? "over"}` };
}

function phaseWords(phase: string, data: Data): Omit<EventWords, "noun"> {
  if (phase === "started") return { mark: "▸", content: contentOf(data["arguments"] ?? data["input"]) };
  const duration = millis(data["durationMillis"]);
  if (phase === "failed") return { mark: "✗", figures: [duration], error: errorOf(data["error"]) };
  const { finishReason, triggered, score, label } = data;
  return {
    mark: "✓",
    figures: [
      duration,
      finishReason === "stop" ? undefined : text(finishReason),
      triggered === true ? "triggered" : undefined,
      text(score),
      text(label),
    ],
    content: contentOf(data["result"] ?? data["output"]),
  };
}

function totals(data: Data): EventWords {
  const failed = count(data["failedToolCalls"]);
  return {
    mark: "■",
    noun: text(data["reason"]) ?? "over",
    figures: [
      millis(data["durationMillis"]),
      counted(data["modelCalls"], "model call"),
      counted(data["toolCalls"], "tool call"),
      failed ? `${failed} failed` : undefined,
      ...tokens(data, " tokens"),
    ],
    error: errorOf(data["error"]),
  };
}

function gapOf({ reason, missed }: Data): string {
  const isCut = reason === "cut";
  if (isCut && !count(missed)) return "the connection was cut, events may be missing";
  const why = isCut ? "lost on the way" : text(reason);
  return `${counted(missed, "event") ?? "events"} missing: ${why ?? "unknown"}`;
}

function tokens({ inputTokens, outputTokens }: Data, unit: "" | " tokens"): (string | undefined)[] {
  const [read, written] = [count(inputTokens), count(outputTokens)];
  return [read === undefined ? undefined : `${read}${unit} in`, written === undefined ? undefined : `${written} out`];
}

function cached(value: unknown): string | undefined {
  const tokens = count(value);
  return tokens ? `${tokens} cached` : undefined;
}

/** `12 ms`, `1.2 s`, `3 min 20 s`. */
function millis(value: unknown): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  if (value < 999.5) return `${Math.round(value)} ms`;
  if (value < 59_950) return `${(value / 1000).toFixed(1)} s`;
  const seconds = Math.round(value / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function counted(value: unknown, noun: string): string | undefined {
  const number = count(value);
  return number === undefined ? undefined : `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function errorOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return text(error);
  const { type, message } = error as Data;
  return [text(type), text(message)].filter(Boolean).join(": ") || undefined;
}

/**
 * Of chat messages in JSON, as most instrumentations write them: the text of the last, else the tools it calls. By pattern,
 * since a preview is cut anywhere.
 */
function contentOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\[\s*\{/.test(value)) return text(value);
  const texts = stringsIn(value, /"(?:content|text)":\s*"((?:[^"\\]|\\.)*)/g);
  const names = stringsIn(value, /"tool_call"[^{}]{0,200}"name":\s*"((?:[^"\\]|\\.)*)/g);
  return text(texts.at(-1) ?? (names.length > 0 ? names.join(", ") : value));
}

function stringsIn(json: string, pattern: RegExp): string[] {
  return [...json.matchAll(pattern)].map(([, found = ""]) => unescaped(found));
}

function unescaped(json: string): string {
  try {
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return json;
  }
}

function firstText(data: Data, fields: readonly string[]): string | undefined {
  for (const field of fields) if (data[field] !== undefined) return text(data[field]);
  return undefined;
}

/** As plain text on one line; undefined if there is none. */
function text(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  return plain(shown).trim() || undefined;
}
