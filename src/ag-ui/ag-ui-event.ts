import type { GapData } from "../bus/event.js";

/** Tokens of one model of one provider. Cached and reasoning tokens are parts of the totals. */
export interface AgUiTokenUsage {
  readonly provider?: string;
  readonly model?: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly reasoningTokens?: number;
  readonly cachedInputTokens?: number;
  readonly cacheWriteInputTokens?: number;
}

/** The sub-agent an event belongs to; without it, to the agent of the run. */
interface Attributed {
  readonly subagentRunId?: string;
}

interface Run {
  readonly threadId: string;
  readonly runId: string;
}

interface Message extends Attributed {
  readonly messageId: string;
}

interface ToolCall extends Attributed {
  readonly toolCallId: string;
}

interface Step extends Attributed {
  readonly stepName: string;
}

/** The events of the AG-UI protocol that a run becomes, and what each holds besides `type` and `timestamp`. */
export interface AgUiEventMap {
  RUN_STARTED: Run & { readonly protocolVersion: string };
  RUN_FINISHED: Run & {
    readonly outcome?: { readonly type: "success" } | { readonly type: "cancelled" };
    readonly usage?: readonly AgUiTokenUsage[];
  };
  RUN_ERROR: { readonly message: string; readonly code: string };
  STEP_STARTED: Step;
  STEP_FINISHED: Step;
  TEXT_MESSAGE_START: Message & { readonly role: "assistant" };
  TEXT_MESSAGE_CONTENT: Message & { readonly delta: string };
  TEXT_MESSAGE_END: Message;
  TOOL_CALL_START: ToolCall & { readonly toolCallName: string; readonly parentMessageId?: string };
  TOOL_CALL_ARGS: ToolCall & { readonly delta: string };
  TOOL_CALL_END: ToolCall;
  TOOL_CALL_RESULT: ToolCall &
    Message & {
      readonly content: string;
      /** Only of a call that failed. */
      readonly metadata?: { readonly error: { readonly type: string; readonly message: string } };
    };
  SUBAGENT_STARTED: {
    readonly subagentRunId: string;
    readonly name: string;
    readonly parentSubagentRunId?: string;
    readonly parentToolCallId?: string;
  };
  SUBAGENT_FINISHED: { readonly subagentRunId: string };
  SUBAGENT_ERROR: { readonly subagentRunId: string; readonly message: string; readonly code: string };
  /** `bus.gap`, and every event the protocol has no word for, under its own type and with its data. */
  CUSTOM: Attributed & { readonly name: string; readonly value: GapData | Readonly<Record<string, unknown>> };
}

export type AgUiEventType = keyof AgUiEventMap;

/** An event of the AG-UI protocol, 1.0. JSON as it is. */
export type AgUiEvent = {
  [T in AgUiEventType]: {
    readonly type: T /** Milliseconds since the Unix epoch. */;
    readonly timestamp?: number;
  } & AgUiEventMap[T];
}[AgUiEventType];

/** An event before it is stamped. */
export type AgUiDraft = { [T in AgUiEventType]: { readonly type: T } & AgUiEventMap[T] }[AgUiEventType];
