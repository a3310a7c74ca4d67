import type { BusEvent, ErrorData } from "spanbus";

/** Writes events as lines, indented by the tree of their spans. One outline per reader: it remembers the depths. */
export function outline(): (event: BusEvent) => string {
  const depths = new Map<string, number>();
  return (event) => {
    const around = event.parentSpanId === undefined ? undefined : depths.get(event.parentSpanId);
    const depth = around === undefined ? 0 : around + 1;
    if (event.spanId !== undefined && !depths.has(event.spanId)) depths.set(event.spanId, depth);
    return "  ".repeat(depths.get(event.spanId ?? "") ?? depth) + describe(event);
  };
}

function describe(event: BusEvent): string {
  switch (event.type) {
    case "agent.invocation.started":
      return words("▸ agent", event.data.agentName);
    case "agent.invocation.completed":
      return words("✓ agent", event.data.agentName, millis(event.data.durationMillis));
    case "agent.invocation.failed":
      return words("✗ agent", event.data.agentName, event.data.error.message);
    case "agent.model.started":
      return words("▸ model", event.data.model);
    case "agent.model.first_chunk":
      return words("· first chunk", millis(event.data.timeToFirstChunkMillis));
    case "agent.model.completed":
      return `✓ model ${millis(event.data.durationMillis)} (${event.data.finishReason ?? "done"})`;
    case "agent.model.failed":
      return `✗ model ${event.data.error.message}`;
    case "agent.tool.started":
      return words("▸ tool", event.data.toolName, event.data.arguments);
    case "agent.tool.completed":
      return words("✓ tool", event.data.toolName, millis(event.data.durationMillis), event.data.result);
    case "agent.tool.failed":
      return words("✗ tool", event.data.toolName, millis(event.data.durationMillis), event.data.error.message);
    case "agent.tokens.used":
      return `· ${event.data.inputTokens ?? 0} tokens in, ${event.data.outputTokens ?? 0} out`;
    case "agent.terminate": {
      const { reason, durationMillis, modelCalls, toolCalls, failedToolCalls, inputTokens, outputTokens } = event.data;
      const calls = `${count(modelCalls, "model call")}, ${count(toolCalls, "tool call")} (${failedToolCalls} failed)`;
      return `■ ${reason} in ${millis(durationMillis)}: ${calls}, ${inputTokens ?? 0} tokens in, ${outputTokens ?? 0} out`;
    }
    case "bus.gap":
      return `⚠ ${count(event.data.missed, "event")} missing: ${event.data.reason}`;
    case "bus.run.opened":
      return "● run opened";
    case "bus.run.closed":
      return `○ run closed: ${event.data.outcome}`;
    default:
      return describeOperation(event) ?? `${event.type} ${JSON.stringify(event.data)}`;
  }
}

/** Workflows, steps and whatever else an agent does. */
function describeOperation({ type, data }: BusEvent): string | undefined {
  const [, operation, phase] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(type) ?? [];
  if (operation === undefined || phase === undefined) return undefined;
  const { name, step, mcpMethod, durationMillis, error } = data as OperationData;
  const mark = { started: "▸", completed: "✓", failed: "✗" }[phase];
  return words(mark, operation, name ?? mcpMethod ?? step?.toString(), millis(durationMillis), error?.message);
}

interface OperationData {
  readonly name?: string;
  readonly step?: number;
  readonly mcpMethod?: string;
  readonly durationMillis?: number;
  readonly error?: ErrorData;
}

function words(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(" ");
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function millis(duration: number | undefined): string | undefined {
  return duration === undefined ? undefined : `${Math.round(duration)} ms`;
}
