import { tracingChannel } from "node:diagnostics_channel";
import type { BusEvent, EventBus } from "spanbus";

export type Fields = Readonly<Record<string, unknown>>;

/** Publishes a piece of work as the SDK does. */
export function traced<T>(type: string, event: Fields, execute: () => Promise<T>): Promise<T> {
  return tracingChannel("ai:telemetry").tracePromise(execute, { type, event });
}

const model = { provider: "scripted.chat", modelId: "m" };
const messages = [{ role: "user", content: "Hello?" }];
let calls = 0;

/** A call of `generateText`, or what its event says besides; `begun` runs in the moment in which integrations are told. */
export function generate(
  work: (callId: string) => Promise<unknown> = async () => undefined,
  { begun, ...more }: Fields & { readonly begun?: () => void } = {},
): Promise<unknown> {
  calls += 1;
  const callId = `call-${calls}`;
  const event = { callId, operationId: "ai.generateText", ...model, messages, ...more };
  return traced("generateText", event, async () => {
    begun?.();
    await Promise.resolve();
    return work(callId);
  });
}

/** A call of a model inside a call of the SDK. */
export function modelCall<T>(callId: string, answer: () => Promise<T>): Promise<T> {
  return traced("languageModelCall", { callId, ...model, messages }, answer);
}

export function toolCall<T>(callId: string, toolName: string, execute: () => Promise<T>): Promise<T> {
  return traced("executeTool", { callId, toolCall: { toolName, toolCallId: "1", input: { a: 1 } } }, execute);
}

export const usage = { inputTokens: { total: 10, cacheRead: 4 }, outputTokens: { total: 5, reasoning: 2 } };
export const answer = {
  content: [{ type: "text", text: "Hi." }],
  finishReason: { unified: "stop", raw: "stop" },
  usage,
};

/** Everything the bus publishes from here on. */
export function listen(bus: EventBus): BusEvent[] {
  const events: BusEvent[] = [];
  bus.tap((event) => events.push(event));
  return events;
}

export function types(events: readonly BusEvent[]): string[] {
  return events.map(({ type }) => type.replace("agent.", ""));
}
