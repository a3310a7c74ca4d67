import type { BusEvent } from "./event.js";

/** What the events of a run, or of one agent in it, add up to. */
export class Tally {
  modelCalls = 0;
  toolCalls = 0;
  failedToolCalls = 0;
  inputTokens = 0;
  outputTokens = 0;

  /** False for an event of a type that counts nowhere. */
  add(event: BusEvent): boolean {
    switch (event.type) {
      case "agent.model.started":
        this.modelCalls += 1;
        return true;
      case "agent.tool.started":
        this.toolCalls += 1;
        return true;
      case "agent.tool.failed":
        this.failedToolCalls += 1;
        return true;
      case "agent.tokens.used":
        this.inputTokens += count(event.data.inputTokens);
        this.outputTokens += count(event.data.outputTokens);
        return true;
      default:
        return false;
    }
  }
}

function count(tokens: unknown): number {
  return typeof tokens === "number" && tokens > 0 ? tokens : 0;
}
