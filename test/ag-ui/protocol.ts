import { type AGUIEvent, HttpAgent, type Message } from "@ag-ui/client";
import { EventSchemas } from "@ag-ui/core/schemas";
import type { AgUiEvent } from "spanbus/ag-ui";

/**
 * The rules of the protocol, as far as its official client does not check them itself. Gives a line for each that is broken.
 *
 * 1. Every event is valid by the official schema.
 * 2. `RUN_STARTED` is first, exactly once. `RUN_FINISHED` or `RUN_ERROR` is last, exactly once.
 * 3. A message, tool call, step or sub-agent is opened once under its id, and closed once before the run ends, also when
 *    that fails. What adds to it stands in between, and all of it belongs to the same agent.
 * 4. No message is empty. Ids of messages, results included, are used once.
 * 5. A result follows the end of its call; there is at most one.
 * 6. A sub-agent is inside the one it names as caller. Once it is over, only results of its calls come late.
 */
export function broken(events: readonly AgUiEvent[]): string[] {
  const rules = new Rules();
  events.forEach((event, index) => {
    const { success, error } = EventSchemas.safeParse(event);
    if (!success) rules.say(`${event.type} is not valid: ${error.message}`);
    if ((event.type === "RUN_STARTED") !== (index === 0)) rules.say(`${event.type} at ${index}`);
    const isTerminal = event.type === "RUN_FINISHED" || event.type === "RUN_ERROR";
    if (isTerminal !== (index === events.length - 1)) rules.say(`${event.type} at ${index} of ${events.length}`);
    rules.check(event);
  });
  return rules.complaints();
}

interface Opened {
  readonly by: string | undefined;
  isOpen: boolean;
  content: number;
  results: number;
}

class Rules {
  readonly #said: string[] = [];
  readonly #messages = new Map<string, Opened>();
  readonly #calls = new Map<string, Opened>();
  readonly #steps = new Map<string, Opened>();
  readonly #agents = new Map<string, Opened>();

  say(complaint: string): void {
    this.#said.push(complaint);
  }

  check(event: AgUiEvent): void {
    const by = "subagentRunId" in event ? event.subagentRunId : undefined;
    const isOfAgent = event.type.startsWith("SUBAGENT_");
    if (by !== undefined && !isOfAgent && event.type !== "TOOL_CALL_RESULT" && !this.#agents.get(by)?.isOpen) {
      this.say(`${event.type} of sub-agent ${by}, which is not at work`);
    }
    switch (event.type) {
      case "TEXT_MESSAGE_START":
        return this.#open(this.#messages, event.messageId, by, false);
      case "TEXT_MESSAGE_CONTENT":
        if (event.delta === "") this.say("an empty delta");
        return this.#add(this.#messages, event.messageId, by);
      case "TEXT_MESSAGE_END":
        if (this.#messages.get(event.messageId)?.content === 0) this.say("an empty message");
        return this.#close(this.#messages, event.messageId, by);
      case "TOOL_CALL_START":
        return this.#open(this.#calls, event.toolCallId, by, false);
      case "TOOL_CALL_ARGS":
        return this.#add(this.#calls, event.toolCallId, by);
      case "TOOL_CALL_END":
        return this.#close(this.#calls, event.toolCallId, by);
      case "TOOL_CALL_RESULT":
        return this.#result(event.toolCallId, event.messageId, by);
      case "STEP_STARTED":
        return this.#open(this.#steps, `${by} ${event.stepName}`, by, true);
      case "STEP_FINISHED":
        return this.#close(this.#steps, `${by} ${event.stepName}`, by);
      case "SUBAGENT_STARTED":
        if (event.parentSubagentRunId !== undefined && !this.#agents.get(event.parentSubagentRunId)?.isOpen) {
          this.say("a sub-agent of one that is not at work");
        }
        if (event.parentToolCallId !== undefined && !this.#calls.has(event.parentToolCallId)) {
          this.say("a sub-agent of an unknown call");
        }
        return this.#open(this.#agents, event.subagentRunId, event.parentSubagentRunId, false);
      case "SUBAGENT_FINISHED":
      case "SUBAGENT_ERROR": {
        for (const each of [...this.#messages, ...this.#calls, ...this.#steps, ...this.#agents]) {
          if (each[1].isOpen && each[1].by === event.subagentRunId)
            this.say(`${each[0]} is open in a sub-agent that ends`);
        }
        return this.#close(this.#agents, event.subagentRunId, this.#agents.get(event.subagentRunId)?.by);
      }
    }
  }

  complaints(): string[] {
    for (const kind of [this.#messages, this.#calls, this.#steps, this.#agents]) {
      for (const [id, { isOpen }] of kind) if (isOpen) this.say(`${id} is still open`);
    }
    return this.#said;
  }

  #open(kind: Map<string, Opened>, id: string, by: string | undefined, mayComeAgain: boolean): void {
    const before = kind.get(id);
    if (before?.isOpen || (before && !mayComeAgain)) this.say(`${id} is opened again`);
    kind.set(id, { by, isOpen: true, content: 0, results: 0 });
  }

  #add(kind: Map<string, Opened>, id: string, by: string | undefined): void {
    const opened = kind.get(id);
    if (!opened?.isOpen) this.say(`${id} is added to, but not open`);
    else if (opened.by !== by) this.say(`${id} is of ${opened.by}, not of ${by}`);
    else opened.content += 1;
  }

  #close(kind: Map<string, Opened>, id: string, by: string | undefined): void {
    const opened = kind.get(id);
    if (!opened?.isOpen) this.say(`${id} is closed, but not open`);
    else if (opened.by !== by) this.say(`${id} is of ${opened.by}, not of ${by}`);
    if (opened) opened.isOpen = false;
  }

  #result(callId: string, messageId: string, by: string | undefined): void {
    const call = this.#calls.get(callId);
    if (!call || call.isOpen) this.say(`a result of ${callId} before its end`);
    else if (call.by !== by) this.say(`the result of ${callId} is of ${by}`);
    else call.results += 1;
    if (call && call.results > 1) this.say(`a second result of ${callId}`);
    if (this.#messages.has(messageId)) this.say(`${messageId} is used twice`);
    this.#messages.set(messageId, { by, isOpen: false, content: 1, results: 0 });
  }
}

/** What the official client makes of events that an endpoint sends it. Rejects where they break the protocol. */
export async function received(events: readonly object[]): Promise<{ events: AGUIEvent[]; messages: Message[] }> {
  const body = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const headers = { "content-type": "text/event-stream" };
  const agent = new HttpAgent({ url: "http://agent.example/", fetch: async () => new Response(body, { headers }) });
  const seen: AGUIEvent[] = [];
  await agent.runAgent({}, { onEvent: ({ event }) => void seen.push(event as AGUIEvent) });
  return { events: seen, messages: agent.messages };
}
