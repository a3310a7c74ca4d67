import type { BusEvent, SubscriptionEnd } from "spanbus";
import { type AgUiEvent, type AgUiOptions, type AgUiSource, toAgUi } from "spanbus/ag-ui";

export async function readAll(source: AgUiSource, options?: AgUiOptions): Promise<AgUiEvent[]> {
  const events: AgUiEvent[] = [];
  for await (const event of toAgUi(source, options)) events.push(event);
  return events;
}

/** What a subscription gives, and how it ends: `Error` makes reading throw. */
export function stream(events: readonly BusEvent[], end: SubscriptionEnd | Error): AgUiSource & { closes: number } {
  const left = [...events];
  const source = {
    closes: 0,
    ended: end instanceof Error ? new Promise<never>(() => {}) : Promise.resolve(end),
    async next(): Promise<IteratorResult<BusEvent, undefined>> {
      const value = left.shift();
      if (value) return { done: false, value };
      if (end instanceof Error) throw end;
      return { done: true, value: undefined };
    },
    close(): void {
      source.closes += 1;
      left.length = 0;
    },
  };
  return source;
}

/** Events as a test reads them: indented by what is open, without ids and times. */
export function outline(events: readonly AgUiEvent[]): string[] {
  return events.map((event) => {
    const agent = "subagentRunId" in event && !event.type.startsWith("SUBAGENT") ? "  " : "";
    return agent + line(event);
  });
}

function line(event: AgUiEvent): string {
  switch (event.type) {
    case "RUN_FINISHED":
      return `${event.type} ${event.outcome?.type ?? "-"}`;
    case "RUN_ERROR":
      return `${event.type} ${event.code}: ${event.message}`;
    case "STEP_STARTED":
    case "STEP_FINISHED":
      return `${event.type} ${event.stepName}`;
    case "TEXT_MESSAGE_CONTENT":
    case "TOOL_CALL_ARGS":
      return `${event.type} ${event.delta}`;
    case "TOOL_CALL_START":
      return `${event.type} ${event.toolCallName}`;
    case "TOOL_CALL_RESULT":
      return `${event.type} ${event.content}`;
    case "SUBAGENT_STARTED":
      return `${event.type} ${event.name}`;
    case "SUBAGENT_ERROR":
      return `${event.type} ${event.code}`;
    case "CUSTOM":
      return `${event.type} ${event.name}`;
    default:
      return event.type;
  }
}
