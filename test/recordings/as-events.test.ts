import { type BusEvent, EventBus } from "spanbus";
import { beforeAll, describe, expect, it } from "vitest";
import { fixture, replay } from "../conventions/replay.js";

interface Expectation {
  readonly file: string;
  /** How many spans of each operation the recording holds. */
  readonly operations: Readonly<Record<string, number>>;
  /** Spans that the instrumentation never ended. */
  readonly neverEnded?: number;
  /** What the mock models reported, each call once. */
  readonly tokens: { readonly input: number; readonly output: number };
  readonly failed: Readonly<Record<string, number>>;
  readonly agents: readonly string[];
  readonly tools: readonly string[];
}

const expectations: readonly Expectation[] = [
  {
    file: "vercel-ai-sdk-v6@6.0.326",
    operations: { invocation: 7, model: 14, tool: 7, embedding: 1 },
    tokens: { input: 1517, output: 281 },
    failed: { tool: 1, model: 1, invocation: 1 },
    agents: ["err-agent", "inner-agent", "outer-agent", "p1", "p2", "stream-agent", "weather-agent"],
    tools: ["delegate", "fail_tool", "get_weather"],
  },
  {
    file: "vercel-ai-sdk-v7@7.0.173",
    operations: { invocation: 7, step: 14, model: 14, tool: 7, embedding: 2 },
    tokens: { input: 1517, output: 281 },
    failed: { tool: 1, model: 1, step: 1, invocation: 1 },
    agents: ["err-agent", "inner-agent", "outer-agent", "p1", "p2", "stream-agent", "weather-agent"],
    tools: ["delegate", "fail_tool", "get_weather"],
  },
  {
    file: "opentelemetry-instrumentation-openai@0.22.0",
    operations: { model: 11, embedding: 1, invocation: 1, tool: 2 },
    tokens: { input: 1617, output: 261 },
    failed: { model: 1, tool: 1 },
    agents: ["weather-agent"],
    tools: ["fail_tool", "get_weather"],
  },
  {
    file: "openinference-instrumentation-openai@4.2.7",
    operations: { model: 11, embedding: 1, invocation: 1, tool: 2 },
    neverEnded: 1,
    tokens: { input: 1320, output: 212 },
    failed: { tool: 1 },
    agents: ["weather-agent"],
    tools: ["fail_tool", "get_weather"],
  },
  {
    file: "openinference-instrumentation-langchain+langgraph@4.1.1",
    operations: { workflow: 21, model: 7, tool: 3 },
    tokens: { input: 810, output: 141 },
    failed: { model: 1, tool: 1 },
    agents: [],
    tools: ["fail_tool", "get_weather"],
  },
  {
    file: "openinference-instrumentation-openai-agents@0.2.15",
    operations: { invocation: 14, workflow: 24, model: 17, tool: 9, guardrail: 1 },
    neverEnded: 1,
    tokens: { input: 2960, output: 456 },
    failed: { tool: 3, model: 1, workflow: 2, invocation: 1 },
    agents: [
      "Agent workflow",
      "Err agent",
      "Outer agent",
      "Paris agent",
      "Sub agent",
      "Support workflow",
      "Triage agent",
      "Weather agent",
    ],
    tools: ["ask_sub", "fail_tool", "get_weather"],
  },
  {
    file: "traceloop-instrumentation-openai@0.27.0",
    operations: { model: 10, workflow: 2, invocation: 1, step: 1, tool: 2 },
    neverEnded: 2,
    tokens: { input: 1080, output: 178 },
    failed: {},
    agents: ["weather_agent"],
    tools: ["fail_tool", "get_weather"],
  },
  {
    file: "traceloop-instrumentation-mcp@0.27.0",
    operations: { mcp: 3, tool: 4, invocation: 1 },
    tokens: { input: 0, output: 0 },
    failed: { tool: 2 },
    agents: ["weather-agent"],
    tools: ["fail_tool", "get_weather", "nope"],
  },
  {
    file: "langfuse-tracing@5.11.1",
    operations: {
      invocation: 4,
      model: 8,
      tool: 3,
      retrieval: 1,
      guardrail: 1,
      evaluation: 1,
      embedding: 1,
      workflow: 1,
    },
    tokens: { input: 760, output: 136 },
    failed: { tool: 2, model: 1, invocation: 1 },
    agents: ["inner-agent", "loop-agent", "throwing-agent", "weather-agent"],
    tools: ["fail_tool", "get_weather", "observed_tool"],
  },
  {
    file: "mastra-otel-bridge@1.5.4",
    operations: { invocation: 6, step: 21, model: 13, tool: 7, workflow: 1 },
    tokens: { input: 1980, output: 318 },
    failed: { tool: 2, step: 1, invocation: 1 },
    agents: ["err-agent", "inner-agent", "outer-agent", "weather-agent"],
    tools: ["ask_inner", "fail_tool", "get_weather"],
  },
  {
    file: "genkit@1.42.0",
    operations: { workflow: 4, step: 7, model: 7, tool: 3, embedding: 1 },
    tokens: { input: 810, output: 141 },
    failed: { tool: 1, model: 1, step: 2, workflow: 1 },
    agents: [],
    tools: ["fail_tool", "get_weather"],
  },
  {
    file: "google-adk@2.0.0",
    operations: { invocation: 2, model: 4, tool: 3 },
    tokens: { input: 500, output: 106 },
    failed: {},
    agents: ["parallel_agent", "weather_agent"],
    tools: ["get_weather"],
  },
  {
    file: "strands-agents@1.16.0",
    operations: { invocation: 2, step: 4, model: 4, tool: 3 },
    tokens: { input: 500, output: 90 },
    failed: {},
    agents: ["parallel-agent", "weather-agent"],
    tools: ["get_weather"],
  },
  {
    file: "duplicates-openinference+langfuse+traceloop-on-one-openai-client",
    operations: { model: 10 },
    tokens: { input: 1040, output: 184 },
    failed: {},
    agents: [],
    tools: [],
  },
  {
    file: "synthetic-otel-genai-semconv",
    operations: {
      invocation: 3,
      workflow: 1,
      step: 1,
      model: 5,
      tool: 3,
      mcp: 1,
      retrieval: 1,
      embedding: 1,
      memory: 1,
    },
    tokens: { input: 337, output: 57 },
    failed: { model: 1, tool: 1 },
    agents: ["Billing Agent", "Weather Agent"],
    tools: ["fail_tool", "get_weather"],
  },
];

/** What the recorded program did, as the bus told it, up to its shutdown. */
async function played(file: string): Promise<{ events: BusEvent[]; bus: EventBus; openAtEnd: number }> {
  const bus = new EventBus({ maxRuns: 1000, historyPerRun: 10_000 });
  const events: BusEvent[] = [];
  bus.tap((event) => events.push(event));
  await replay(fixture(file), bus as never);
  const openAtEnd = bus.stats().openSpans;
  await bus.shutdown();
  return { events, bus, openAtEnd };
}

function phase(event: BusEvent): { operation: string; phase: string } | undefined {
  const [, operation, last] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(event.type) ?? [];
  return operation && last ? { operation, phase: last } : undefined;
}

function tally(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

describe.each(expectations)(
  "the recording $file",
  ({ file, operations, neverEnded = 0, tokens, failed, agents, tools }) => {
    let play: Awaited<ReturnType<typeof played>>;
    beforeAll(async () => {
      play = await played(file);
    });

    it("starts every operation that was recorded, and nothing else", () => {
      const { events } = play;
      expect(
        tally(events.flatMap((event) => (phase(event)?.phase === "started" ? [phase(event)?.operation ?? ""] : []))),
      ).toEqual(operations);
    });

    it("ends every started span exactly once, also those the instrumentation never ended", () => {
      const { events, bus, openAtEnd } = play;
      const started = events.filter((event) => phase(event)?.phase === "started").map((event) => event.spanId);
      const ended = events
        .filter((event) => /completed|failed/.test(phase(event)?.phase ?? ""))
        .map((event) => event.spanId);
      expect(new Set(started).size).toBe(started.length);
      expect([...ended].sort()).toEqual([...started].sort());
      expect(openAtEnd).toBe(neverEnded);
      expect(bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: neverEnded, errors: 0 });
    });

    it("tells the failures that happened", () => {
      const { events } = play;
      const failures = events.filter((event) => phase(event)?.phase === "failed");
      const real = failures.filter((event) => (event.data as { error?: { type: string } }).error?.type !== "abandoned");
      expect(tally(real.map((event) => phase(event)?.operation ?? ""))).toEqual(failed);
      for (const event of real)
        expect((event.data as { error: { message: string } }).error.message.length).toBeLessThanOrEqual(500);
    });

    it("counts the tokens of each call once", () => {
      const { events } = play;
      let input = 0;
      let output = 0;
      for (const event of events) {
        if (event.type !== "agent.tokens.used") continue;
        input += event.data.inputTokens ?? 0;
        output += event.data.outputTokens ?? 0;
      }
      expect({ input, output }).toEqual(tokens);
    });

    it("names agents and tools", () => {
      const { events } = play;
      const names = (type: string, field: string): string[] =>
        [
          ...new Set(
            events.flatMap((event) =>
              event.type === type ? [String((event.data as Record<string, unknown>)[field])] : [],
            ),
          ),
        ].sort();
      expect(names("agent.invocation.started", "agentName")).toEqual(agents);
      expect(names("agent.tool.started", "toolName")).toEqual(tools);
    });

    it("says of a model call, whatever becomes of it, the model and the provider that its start named", () => {
      const { events } = play;
      const named = new Map<string | undefined, object>();
      for (const event of events) {
        if (event.type === "agent.model.started") {
          const { model, provider, conversationId } = event.data;
          named.set(event.spanId, JSON.parse(JSON.stringify({ model, provider, conversationId })));
        }
        if (event.type === "agent.model.completed" || event.type === "agent.model.failed")
          expect(event.data).toMatchObject(named.get(event.spanId) ?? {});
      }
    });

    it("makes one unbroken tree of each run", () => {
      const { events } = play;
      const runs = new Map<string, Set<string | undefined>>();
      for (const event of events) {
        if (phase(event)?.phase !== "started") continue;
        const spans = runs.get(event.runId) ?? new Set();
        runs.set(event.runId, spans.add(event.spanId));
        if (event.parentSpanId !== undefined) expect(spans).toContain(event.parentSpanId);
      }
    });

    it("keeps the order of each run without a hole", () => {
      const { events } = play;
      const last = new Map<string, number>();
      for (const event of events) {
        expect(event.seq).toBe((last.get(event.runId) ?? 0) + 1);
        last.set(event.runId, event.seq ?? 0);
      }
    });
  },
);

it("of Mastra, where only the step around a model call names the model, says it of the call", async () => {
  const { events } = await played("mastra-otel-bridge@1.5.4");
  const calls = events.filter(({ type }) => /^agent\.model\.(started|completed|failed)$/.test(type));
  expect(new Set(calls.map(({ data }) => (data as { model?: string }).model))).toEqual(
    new Set(["gpt-4o-mini", "mock-error"]),
  );
});

it("of Google ADK, whose tools run inside the model call that asked for them, adds up each call and tool once", async () => {
  const { events } = await played("google-adk@2.0.0");
  expect(events.flatMap((event) => (event.type === "agent.terminate" ? [event.data] : []))).toMatchObject([
    { agentName: "weather_agent", modelCalls: 2, toolCalls: 1, inputTokens: 230, outputTokens: 51 },
    { agentName: "parallel_agent", modelCalls: 2, toolCalls: 2, inputTokens: 270, outputTokens: 55 },
  ]);
});
