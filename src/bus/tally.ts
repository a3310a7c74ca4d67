import type { BusEvent } from "./event.js";

/** Which event adds one to which count. */
const counted = {
  "agent.model.started": "modelCalls",
  "agent.tool.started": "toolCalls",
  "agent.tool.failed": "failedToolCalls",
} as const;

/** What the events of a run, or of one agent in it, add up to. */
export class Tally {
  modelCalls = 0;
  toolCalls = 0;
  failedToolCalls = 0;
  inputTokens = 0;
  outputTokens = 0;

  add(event: BusEvent): void {
    if (event.type === "agent.tokens.used") {
      this.inputTokens += count(event.data.inputTokens);
      this.outputTokens += count(event.data.outputTokens);
    } else if (Object.hasOwn(counted, event.type)) {
      this[counted[event.type as keyof typeof counted]] += 1;
    }
  }
}

function count(tokens: unknown): number {
  return typeof tokens === "number" && tokens > 0 ? tokens : 0;
}
