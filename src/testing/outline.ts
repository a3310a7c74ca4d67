import { operations } from "../bus/catalogue.js";
import type { BusEvent, Outcome } from "../bus/event.js";

const MAX_LINES = 60;
const MAX_LENGTH = 120;
/** What the lines of an operation tell anyway: parts of it, and span events that instrumentations add on the way. */
const LEFT_OUT = /^(agent\.(model\.(chunk|first_chunk)|tokens\.used|terminate)|(bus\.run|gen_ai|ai\.stream)\..*)$/;

type Data = Readonly<Record<string, unknown>>;

/** A span with its start and its end, or any other event. */
interface Entry {
  readonly event: BusEvent;
  readonly depth: number;
  end?: BusEvent;
  tokens?: BusEvent;
}

/** What a run did, one line for each thing, indented by the tree of its spans. */
export function outline(events: readonly BusEvent[], outcome?: Outcome, error?: unknown): string {
  const lines = entriesOf(events).map(({ depth, ...entry }) => fitted("  ".repeat(depth + 1) + lineOf(entry)));
  const shown =
    lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `  … ${lines.length - MAX_LINES} more`] : lines;
  if (shown.length === 0) shown.push(NOTHING);
  const end = outcome === undefined ? "The run did:" : `The run ended as ${outcome}${reasonOf(error)}. It did:`;
  return [end, ...shown].join("\n");
}

const NOTHING =
  "  nothing that the bus has seen. Is the bus among the span processors of the provider, is a context manager registered,\n" +
  "  and does the instrumentation make spans? AI SDK 7 makes none by itself: `observeAiSdk` of spanbus/ai-sdk.";

function entriesOf(events: readonly BusEvent[]): Entry[] {
  const entries: Entry[] = [];
  /** By span; several if spans were written by hand. */
  const open = new Map<string, Entry>();
  const depths = new Map<string, number>();
  for (const event of events) {
    const { type, spanId = "", parentSpanId = "" } = event;
    const [, operation = "", phase] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(type) ?? [];
    const key = `${operation} ${spanId} ${(event.data as Data)["toolCallId"] ?? ""}`;
    const started = phase === "started" ? undefined : (open.get(key) ?? open.get(`${operation} ${spanId} `));
    if (type === "agent.tokens.used") {
      const call = open.get(`model ${spanId} `) ?? entries.findLast((each) => each.event.spanId === spanId);
      if (call) call.tokens = event;
    } else if (started) {
      started.end = event;
      open.delete(key);
    } else if (!LEFT_OUT.test(type)) {
      const depth = depths.get(parentSpanId) ?? depths.get(spanId) ?? 0;
      const entry: Entry = { event, depth, ...(phase !== "started" && { end: event }) };
      entries.push(entry);
      if (phase === "started") open.set(key, entry);
      if (phase !== undefined) depths.set(spanId, depth + 1);
    }
  }
  return entries;
}

function lineOf({ event, end, tokens }: Omit<Entry, "depth">): string {
  const { type } = event;
  const [, operation = ""] = /^agent\.(\w+)\.(?:started|completed|failed)$/.exec(type) ?? [];
  const data: Data = { ...(event.data as Data), ...(end?.data as Data | undefined) };
  if (type === "bus.gap") return `⚠ ${String(data["missed"])} events are missing (${String(data["reason"])})`;
  if (!Object.hasOwn(operations, operation)) return words(`· ${type}`, json(data));
  const sign = end === undefined ? "…" : end.type.endsWith(".failed") ? "✗" : "✓";
  return words(
    sign,
    operation === "invocation" ? "agent" : operation,
    ...detailsOf(operation, data, tokens),
    errorOf(data),
  );
}

function detailsOf(operation: string, data: Data, tokens: BusEvent | undefined): (string | undefined)[] {
  if (operation === "tool") {
    const result = text(data, "result");
    return [text(data, "toolName"), text(data, "arguments"), result === undefined ? undefined : `→ ${result}`];
  }
  if (operation !== "model") return [text(data, "name") ?? text(data, "agentName")];
  const { inputTokens, outputTokens } = (tokens?.data ?? {}) as Data;
  const used = tokens && `${inputTokens ?? "?"} tokens in, ${outputTokens ?? "?"} out`;
  return [
    text(data, "model"),
    [text(data, "finishReason"), used]
      .filter(Boolean)
      .join(", ")
      .replace(/^(.+)$/, "($1)"),
  ];
}

function errorOf({ error }: Data): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { type, message } = error as Data;
  return `${String(type)}: ${String(message)}`;
}

function reasonOf(error: unknown): string {
  if (error === undefined) return "";
  return ` with ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

function text(data: Data, field: string): string | undefined {
  const value = data[field];
  return typeof value === "string" ? value : undefined;
}

function json(data: Data): string | undefined {
  return Object.keys(data).length > 0 ? JSON.stringify(data) : undefined;
}

function words(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join(" ");
}

/** One line, and no longer than a screen is wide. */
function fitted(line: string): string {
  const flat = line.replace(/\s*[\r\n]+\s*/g, " ");
  return flat.length > MAX_LENGTH ? `${flat.slice(0, MAX_LENGTH - 1)}…` : flat;
}
