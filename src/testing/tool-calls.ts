import type { BusEvent } from "../bus/event.js";

/** A tool call of a run. */
export interface ToolCall {
  readonly toolName: string;
  /** As JSON says, else the text. Undefined where the events hold no content. */
  arguments: unknown;
}

type Data = Readonly<Record<string, unknown>>;

/** The calls in the order of their starts. A call that another span tells inside of it again is one. */
export function toolCallsOf(events: readonly BusEvent[]): readonly ToolCall[] {
  const calls: ToolCall[] = [];
  const open = new Map<string, ToolCall>();
  for (const { type, spanId = "", parentSpanId = "", data } of events) {
    if (!/^agent\.tool\.(started|completed|failed)$/.test(type)) continue;
    const toolName = String((data as Data)["toolName"]);
    const key = `${spanId} ${toolName}`;
    const around = open.get(`${parentSpanId} ${toolName}`);
    const given = parsed((data as Data)["arguments"]);
    if (type === "agent.tool.started" && parentSpanId !== "" && around) {
      open.set(key, around);
      around.arguments ??= given;
    } else if (type === "agent.tool.started") {
      const call = { toolName, arguments: given };
      calls.push(call);
      open.set(key, call);
    } else {
      const call = open.get(key);
      if (call) call.arguments ??= given;
      open.delete(key);
    }
  }
  return calls;
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
