import { readFileSync } from "node:fs";
import { type BusEvent, EventBus } from "spanbus";
import { BusTracingProcessor } from "spanbus/openai-agents";
import { beforeAll, describe, expect, it } from "vitest";
import { fixture } from "../conventions/replay.js";

/** A callback of the SDK's own tracing, as it was recorded. */
interface NativeLine {
  readonly type: string;
  readonly ms: number;
  readonly phase: "traceStart" | "traceEnd" | "spanStart" | "spanEnd";
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly name: string;
  readonly groupId: string | null;
  readonly data: { readonly type: string };
  readonly error: { readonly message: string } | null;
}

const recordedAt = Date.UTC(2026, 10, 23);
const pauseMillis = 5;

/** Plays what the SDK told its processors: a span is the same object from start to end, filled on the way. */
async function play(processor: BusTracingProcessor): Promise<void> {
  const text = readFileSync(fixture("openinference-instrumentation-openai-agents@0.2.15"), "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line): NativeLine => JSON.parse(line));
  const spans = new Map<string, { spanData: object; endedAt: string | null; error: NativeLine["error"] }>();
  let last = 0;
  for (const line of lines.filter(({ type }) => type === "native")) {
    const { phase, traceId, spanId, parentId, name, groupId, data, error, ms } = line;
    if (ms - last >= pauseMillis) await new Promise(setImmediate);
    last = ms;
    const time = new Date(recordedAt + ms).toISOString();
    if (phase === "traceStart") await processor.onTraceStart({ traceId, name, groupId });
    else if (phase === "traceEnd") await processor.onTraceEnd({ traceId, name, groupId });
    else if (phase === "spanStart") {
      const span = { traceId, spanId, parentId, startedAt: time, endedAt: null, spanData: { ...data }, error: null };
      spans.set(spanId, span);
      await processor.onSpanStart(span);
    } else {
      const span = spans.get(spanId);
      if (!span) throw new Error(`${spanId} never began`);
      Object.assign(span.spanData, data);
      await processor.onSpanEnd(Object.assign(span, { endedAt: time, error }) as never);
    }
  }
  await new Promise(setImmediate);
}

describe("what the OpenAI Agents SDK told a processor", () => {
  const bus = new EventBus();
  const events: BusEvent[] = [];
  beforeAll(async () => {
    bus.tap((event) => events.push(event));
    await play(new BusTracingProcessor(bus));
  });

  const count = (pattern: RegExp) => events.filter(({ type }) => pattern.test(type)).length;

  it("is six runs, one of each trace, and all are over, also the one that failed", () => {
    const runs = bus.runs();
    expect(runs.map(({ outcome }) => outcome).sort()).toEqual([...Array(5).fill("completed"), "failed"]);
    expect(runs.every(({ runId }) => /^[0-9a-f]{32}$/.test(runId))).toBe(true);
    expect(bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: 0, errors: 0, refused: 0 });
  });

  it("becomes events of agents, turns, models, tools, a guardrail and a handoff, each start with its end", () => {
    for (const operation of ["workflow", "invocation", "step", "model", "tool", "guardrail"]) {
      const ends = count(new RegExp(`^agent\\.${operation}\\.(completed|failed)$`));
      expect([operation, ends]).toEqual([operation, count(new RegExp(`^agent\\.${operation}\\.started$`))]);
    }
    expect([count(/\.model\.started$/), count(/\.tool\.started$/), count(/\.guardrail\.started$/)]).toEqual([17, 9, 1]);
    expect(events.filter(({ type }) => type === "agent.handoff").map(({ data }) => data)).toEqual([
      { from: "Triage agent", to: "Paris agent" },
    ]);
  });

  it("has names at the start", () => {
    const names = (type: string, field: string) =>
      [
        ...new Set(
          events.filter((event) => event.type === type).map(({ data }) => (data as Record<string, unknown>)[field]),
        ),
      ].sort();
    expect(names("agent.tool.started", "toolName")).toEqual(["ask_sub", "fail_tool", "get_weather"]);
    expect(names("agent.invocation.started", "agentName")).toEqual([
      "Err agent",
      "Outer agent",
      "Paris agent",
      "Sub agent",
      "Triage agent",
      "Weather agent",
    ]);
  });

  it("counts the tokens of each call of a model once", () => {
    const used = events.filter(
      (event): event is Extract<BusEvent, { type: "agent.tokens.used" }> => event.type === "agent.tokens.used",
    );
    const sum = (counts: (number | undefined)[]) => counts.reduce<number>((total, each) => total + (each ?? 0), 0);
    expect(sum(used.map(({ data }) => data.inputTokens))).toBe(2960);
    expect(sum(used.map(({ data }) => data.outputTokens))).toBe(456);
  });

  it("is one tree in each run", () => {
    for (const { runId } of bus.runs()) {
      const started = bus.history(runId).filter(({ type }) => type.endsWith(".started"));
      const ids = new Set(started.map(({ spanId }) => spanId));
      expect(started.filter(({ parentSpanId }) => !ids.has(parentSpanId))).toHaveLength(1);
    }
  });
});
