import { tracingChannel } from "node:diagnostics_channel";
import { diag } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { observeAiSdk } from "spanbus/ai-sdk";
import { afterEach, describe, expect, it } from "vitest";
import { withContextManager } from "../otel/support.js";
import { answer, generate, listen, modelCall, toolCall, traced, types } from "./support.js";

withContextManager();
const inlets: { close(): void }[] = [];
afterEach(() => {
  diag.disable();
  for (const inlet of inlets.splice(0)) inlet.close();
});

function observe(bus: EventBus): ReturnType<typeof observeAiSdk> {
  const inlet = observeAiSdk(bus);
  inlets.push(inlet);
  return inlet;
}

/** What is said to `diag` from here on. */
function told(): string[] {
  const said: string[] = [];
  const ignore = () => {};
  const say = (message: string) => void said.push(message);
  diag.setLogger(
    { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore },
    { suppressOverrideMessage: true },
  );
  return said;
}

describe("a call that has spans", () => {
  const agent = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "by span" };

  it.each([
    ["in the words of the conventions", agent],
    ["in the words of the SDK", { "ai.operationId": "ai.generateText", "ai.telemetry.functionId": "by span" }],
  ])("%s is left to them", async (_, attributes) => {
    const bus = new EventBus();
    observe(bus);
    const events = listen(bus);
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("gen_ai");
    await generate(
      async (callId) => {
        await modelCall(callId, async () => answer);
        await toolCall(callId, "add", async () => ({ output: {} }));
      },
      { functionId: "by channel", begun: () => tracer.startSpan("invoke_agent m", { attributes }).end() },
    );
    expect(types(events)).toEqual(["invocation.started", "invocation.completed", "terminate"]);
    expect(events[0]?.data).toMatchObject({ agentName: "by span" });
  });

  it("is told by the channel where the bus does not get its spans", async () => {
    const bus = new EventBus();
    observe(bus);
    const events = listen(bus);
    const tracer = new BasicTracerProvider().getTracer("gen_ai");
    await generate(undefined, { begun: () => tracer.startSpan("invoke_agent m", { attributes: agent }).end() });
    expect(types(events)).toEqual(["invocation.started", "invocation.completed", "terminate"]);
  });

  it("hides no other: spans of something else, or of a call at the same time, do not count", async () => {
    const bus = new EventBus();
    observe(bus);
    const events = listen(bus);
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");
    const plain = () => tracer.startSpan("GET /").end();
    const spanned = () => tracer.startSpan("invoke_agent m", { attributes: agent }).end();
    await Promise.all([
      generate(undefined, { functionId: "a", begun: plain }),
      generate(undefined, { functionId: "b", begun: spanned }),
      generate(undefined, { functionId: "c" }),
    ]);
    const begun = events.filter(({ type }) => type === "agent.invocation.started");
    expect(begun.map(({ data }) => (data as { agentName?: string }).agentName).sort()).toEqual(["a", "by span", "c"]);
  });

  it("is not one beside which the application begins an agent of its own", async () => {
    const bus = new EventBus();
    observe(bus);
    const events = listen(bus);
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("app");
    const call = generate(undefined, { functionId: "by channel" });
    tracer.startSpan("invoke_agent m", { attributes: agent }).end();
    await call;
    const begun = events.filter(({ type }) => type === "agent.invocation.started");
    expect(begun.map(({ data }) => (data as { agentName?: string }).agentName).sort()).toEqual([
      "by channel",
      "by span",
    ]);
  });

  it("may make one that has none", async () => {
    const bus = new EventBus();
    observe(bus);
    const events = listen(bus);
    const tracer = new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("gen_ai");
    const span = { begun: () => void tracer.startSpan("invoke_agent m", { attributes: agent }).end() };
    await generate((callId) => toolCall(callId, "delegate", () => generate(undefined, { functionId: "inner" })), span);
    expect(events.map(({ data }) => (data as { agentName?: string }).agentName)).toContain("inner");
    expect(bus.stats()).toMatchObject({ openSpans: 0 });
  });
});

describe("an inlet", () => {
  it("that is closed takes no new calls, and follows those under way to their end", async () => {
    const bus = new EventBus();
    const inlet = observe(bus);
    const events = listen(bus);
    await generate(async (callId) => {
      inlet.close();
      await modelCall(callId, async () => answer);
      await generate(undefined, { functionId: "late" });
    });
    await generate(undefined, { functionId: "later" });
    expect(types(events)).toEqual([
      "invocation.started",
      "model.started",
      "model.completed",
      "tokens.used",
      "invocation.completed",
      "terminate",
    ]);
    expect(tracingChannel("ai:telemetry").start.hasSubscribers).toBe(false);
  });

  it("is closed at the end of its block, twice is once, and leaves room for another", async () => {
    const bus = new EventBus();
    const events = listen(bus);
    {
      using inlet = observeAiSdk(bus);
      inlet.close();
    }
    await generate();
    expect(events).toEqual([]);
    observe(bus);
    await generate();
    expect(events).toHaveLength(3);
  });

  it("is silent where the bus has one already, and says so", async () => {
    const said = told();
    const bus = new EventBus();
    observe(bus);
    observe(bus).close();
    const events = listen(bus);
    await generate();
    expect(types(events)).toEqual(["invocation.started", "invocation.completed", "terminate"]);
    expect(said).toEqual([expect.stringContaining("this bus has spanbus/ai-sdk already")]);
  });

  it("of each bus tells that bus", async () => {
    const buses = [new EventBus(), new EventBus()];
    buses.forEach(observe);
    const heard = buses.map(listen);
    await generate();
    expect(heard.map(types)).toEqual(Array(2).fill(["invocation.started", "invocation.completed", "terminate"]));
  });

  it("does nothing to a call, whatever is published", async () => {
    const said = told();
    const bus = new EventBus();
    const inlet = observe(bus);
    const throwing = new Proxy(
      {},
      {
        get(): never {
          throw new Error("from a getter");
        },
      },
    );
    const channel = tracingChannel("ai:telemetry");
    const results = [
      await channel.tracePromise(async () => 1, throwing),
      await channel.tracePromise(async () => 2, {}),
      await channel.tracePromise(async () => 3, { type: 7, event: null }),
      await channel.tracePromise(async () => 4, { type: "generateText" }),
      await traced("generateText", throwing, async () => 5),
      await traced("executeTool", { callId: "x", toolCall: null }, async () => 6),
      await traced("languageModelCall", { callId: "x", messages: [null, 1, { content: [throwing] }] }, async () => 7),
      await modelCall("x", async () => ({ content: [null, throwing], usage: 1, finishReason: throwing })),
    ];
    await new Promise(setImmediate);
    expect(results.slice(0, 7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(said.length).toBeLessThanOrEqual(1);
    const events = listen(bus);
    await generate();
    expect(events).toHaveLength(3);
    inlet.close();
    expect(channel.start.hasSubscribers, "nothing is taken to be under way").toBe(false);
  });

  it("wants a bus", () => {
    expect(() => observeAiSdk({} as never)).toThrow("`bus` must be an EventBus, got [object Object]");
    expect(() => observeAiSdk(undefined as never)).toThrow(TypeError);
  });

  it("of a bus that was shut down says nothing", async () => {
    const bus = new EventBus();
    observe(bus);
    await bus.shutdown();
    await generate();
    expect(bus.runs()).toEqual([]);
  });
});
