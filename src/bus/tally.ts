import type { BusEvent } from "./event.js";

/** What the events of a run, or of one agent in it, add up to. */
export class Tally {
  modelCalls = 0;
  toolCalls = 0;
  failedToolCalls = 0;
  inputTokens = 0;
  outputTokens = 0;

  /** Whether events of this type count at all. */
  static counts(type: string): boolean {
    return (
      type === "agent.model.started" ||
      type === "agent.tool.started" ||
      type === "agent.tool.failed" ||
      type === "agent.tokens.used"
    );
  }

  add(event: BusEvent): void {
    switch (event.type) {
      case "agent.model.started":
        this.modelCalls += 1;
        break;
      case "agent.tool.started":
        this.toolCalls += 1;
        break;
      case "agent.tool.failed":
        this.failedToolCalls += 1;
        break;
      case "agent.tokens.used":
        this.inputTokens += count(event.data.inputTokens);
        this.outputTokens += count(event.data.outputTokens);
    }
  }
}

function count(tokens: unknown): number {
  return typeof tokens === "number" && tokens > 0 ? tokens : 0;
}
