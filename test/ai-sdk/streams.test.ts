import { type BusEvent, EventBus } from "spanbus";
import { observeAiSdk } from "spanbus/ai-sdk";
import { afterEach, describe, expect, it } from "vitest";
import { withContextManager } from "../otel/support.js";
import { type Fields, generate, listen, modelCall, toolCall, traced, types, usage } from "./support.js";

withContextManager();
const inlets: { close(): void }[] = [];
afterEach(() => {
  for (const inlet of inlets.splice(0)) inlet.close();
});

const finish = { type: "finish", finishReason: { unified: "stop" }, usage };
const hi: readonly Fields[] = [
  { type: "stream-start", warnings: [] },
  { type: "response-metadata", modelId: "m-1" },
  { type: "text-delta", id: "1", delta: "Hi" },
  { type: "text-delta", id: "1", delta: " there." },
  finish,
];

/** A stream that makes a part when it is asked for one, and counts how often that was. */
function source(parts: readonly (Fields | Error)[] = hi) {
  const asked = { times: 0, cancelled: undefined as unknown };
  const left = [...parts];
  const stream = new ReadableStream<Fields>(
    {
      pull(controller) {
        asked.times += 1;
        const part = left.shift();
        if (part instanceof Error) controller.error(part);
        else if (part) controller.enqueue(part);
        else controller.close();
      },
      cancel(reason) {
        asked.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, asked };
}

/** Calls a model that answers with the stream, and reads that as the SDK might. */
async function streamed(stream: ReadableStream<Fields>, read: (stream: ReadableStream<Fields>) => Promise<unknown>) {
  const bus = new EventBus();
  inlets.push(observeAiSdk(bus));
  const events = listen(bus);
  let got: unknown;
  await generate(async (callId) => {
    const result = await modelCall(callId, async () => ({ stream }));
    expect(result.stream).toBe(stream);
    got = await read(result.stream);
    await new Promise(setImmediate);
  });
  return { bus, events, got };
}

/** What the model is said to have answered. */
function outputOf(events: readonly BusEvent[]): string {
  const end = events.find((event) => event.type === "agent.model.completed");
  return end?.type === "agent.model.completed" ? (end.data.output ?? "") : "";
}

async function all(stream: ReadableStream<Fields>): Promise<Fields[]> {
  const parts: Fields[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("a streamed answer", () => {
  it.each<[string, (stream: ReadableStream<Fields>) => Promise<unknown>]>([
    ["for await", all],
    ["pipeThrough", (stream) => all(stream.pipeThrough(new TransformStream<Fields, Fields>()))],
    ["tee", async (stream) => (await Promise.all(stream.tee().map(all)))[0]],
    ["values", async (stream) => all(stream)],
    [
      "pipeTo",
      async (stream) => {
        const parts: Fields[] = [];
        await stream.pipeTo(new WritableStream<Fields>({ write: (part) => void parts.push(part) }));
        return parts;
      },
    ],
    [
      "a reader",
      async (stream) => {
        const parts: Fields[] = [];
        const reader = stream.getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
        return parts;
      },
    ],
  ])("read by %s is whole, and tells its first chunk, its end and its tokens", async (_, read) => {
    const { events, got } = await streamed(source().stream, read);
    expect(got).toEqual(hi);
    expect(types(events)).toEqual([
      "invocation.started",
      "model.started",
      "model.first_chunk",
      "model.completed",
      "tokens.used",
      "invocation.completed",
      "terminate",
    ]);
    const output = '[{"role":"assistant","parts":[{"type":"text","content":"Hi there."}],"finish_reason":"stop"}]';
    expect(events[3]?.data).toMatchObject({ responseModel: "m-1", finishReason: "stop", output });
    expect(events[4]?.data).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    expect(events[5]?.data).toMatchObject({ output });
  });

  it("is not read ahead of its reader", async () => {
    const { stream, asked } = source();
    await streamed(stream, async (given) => {
      const reader = given.getReader();
      expect(given.locked).toBe(true);
      await reader.read();
      await new Promise(setImmediate);
      expect(asked.times).toBe(1);
      await reader.cancel();
    });
  });

  it("that nobody reads is not touched, and ends with its call", async () => {
    const { stream, asked } = source();
    const { events } = await streamed(stream, async (given) => expect(given.locked).toBe(false));
    expect(asked.times).toBe(0);
    expect(types(events)).toEqual([
      "invocation.started",
      "model.started",
      "model.completed",
      "invocation.completed",
      "terminate",
    ]);
  });

  it("that breaks fails as the reader sees it, and so does its call", async () => {
    const broken = new Error("connection lost");
    const { stream } = source([...hi.slice(0, 3), broken]);
    const { events } = await streamed(stream, async (given) => {
      await expect(all(given)).rejects.toBe(broken);
    });
    expect(events.at(-1)?.data).toMatchObject({ reason: "failed", error: { message: "connection lost" } });
  });

  it("that tells of an error fails, and its tokens count", async () => {
    const { stream } = source([{ type: "error", error: new Error("overloaded") }, finish]);
    const { events } = await streamed(stream, all);
    expect(types(events)).toEqual([
      "invocation.started",
      "model.started",
      "model.failed",
      "tokens.used",
      "invocation.failed",
      "terminate",
    ]);
    expect(events[2]?.data).toMatchObject({ error: { message: "overloaded" } });
  });

  it("that its reader leaves is cancelled at its source, and cancelled on the bus", async () => {
    const { stream, asked } = source();
    const { bus } = await streamed(stream, async (given) => {
      const reader = given.getReader();
      await reader.read();
      await reader.cancel("enough");
    });
    expect(asked.cancelled).toBe("enough");
    expect(bus.runs()).toMatchObject([{ outcome: "cancelled" }]);
  });

  it("that cannot be watched is left as it is; then only its begin is known", async () => {
    const frozen = Object.freeze(source().stream);
    const { events, got } = await streamed(frozen, all);
    expect(got).toEqual(hi);
    expect(types(events)).not.toContain("tokens.used");
    expect(events.at(-1)?.data).toMatchObject({ reason: "completed", modelCalls: 1 });
    const locked = source().stream;
    const reader = locked.getReader();
    const other = await streamed(locked, async () => reader.read());
    expect(types(other.events)).toContain("model.completed");
  });

  it("that the SDK holds back ends with its step", async () => {
    const bus = new EventBus();
    inlets.push(observeAiSdk(bus));
    const events = listen(bus);
    await generate(
      (callId) =>
        traced("step", { callId, stepNumber: 0 }, async () => {
          await modelCall(callId, async () => undefined);
          await toolCall(callId, "add", async () => undefined);
        }),
      { operationId: "ai.streamText", recordOutputs: false },
    );
    expect(types(events).slice(2, 7)).toEqual([
      "model.started",
      "tool.started",
      "tool.completed",
      "model.completed",
      "step.completed",
    ]);
  });

  it("with reasoning and calls of tools has them in its output", async () => {
    const { stream } = source([
      { type: "reasoning-delta", id: "0", delta: "Hm." },
      { type: "tool-input-delta", id: "1", delta: "{}" },
      { type: "tool-call", toolCallId: "1", toolName: "add", input: '{"a":1}' },
      { ...finish, finishReason: { unified: "tool-calls" } },
    ]);
    const { events } = await streamed(stream, all);
    expect(outputOf(events)).toBe(
      '[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"tool_call","id":"1","name":"add","arguments":{"a":1}}],"finish_reason":"tool_call"}]',
    );
  });

  it("with tools that the provider executed tells of them, below the call of the model", async () => {
    const called = (toolCallId: string) => ({
      type: "tool-call",
      toolCallId,
      toolName: "search",
      input: '{"q":"bus"}',
      providerExecuted: true,
    });
    const { stream } = source([
      called("1"),
      { type: "tool-result", toolCallId: "1", toolName: "search", result: { hits: 2 } },
      called("2"),
      { type: "tool-result", toolCallId: "2", toolName: "search", result: "quota", isError: true },
      finish,
    ]);
    const { events } = await streamed(stream, all);
    const model = events.find(({ type }) => type === "agent.model.started");
    const tools = events.filter(({ type }) => type.startsWith("agent.tool."));
    expect(types(tools)).toEqual(["tool.started", "tool.completed", "tool.started", "tool.failed"]);
    expect(tools.every(({ parentSpanId }) => parentSpanId === model?.spanId)).toBe(true);
    expect(tools[0]?.data).toMatchObject({ toolName: "search", toolType: "extension", arguments: '{"q":"bus"}' });
    expect(tools[1]?.data).toMatchObject({ result: '{"hits":2}' });
    expect(tools[3]?.data).toMatchObject({ error: { message: "quota" } });
  });

  it("that is very long is kept only in part", async () => {
    const long = Array.from({ length: 100 }, () => ({ type: "text-delta", id: "1", delta: "x".repeat(1000) }));
    const { stream } = source([...long, finish]);
    const { events } = await streamed(stream, all);
    expect(outputOf(events)).toHaveLength(240);
  });
});
