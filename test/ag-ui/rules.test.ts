import fc from "fast-check";
import { type BusEvent, EventBus, type EventInput, type SubscriptionEnd } from "spanbus";
import { type AgUiEvent, toAgUi } from "spanbus/ag-ui";
import { describe, expect, it, vi } from "vitest";
import { broken, received } from "./protocol.js";
import { readAll, stream } from "./support.js";

const few = <T>(...values: T[]) => fc.constantFrom(...values);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const spanIds = ["a", "b", "c", "d", "e"];

/** Data as instrumentations write it, as people publish it by hand, and as `redact` leaves it. */
const data = fc.record(
  {
    agentName: few("guide", "cook", ""),
    toolName: few<unknown>("search", "book", 7),
    toolCallId: few("call-1", "call-2"),
    arguments: few<unknown>('{"q":1}', "", null),
    result: few("found", ""),
    name: few("plan", "plan (2)", "act"),
    step: few<unknown>(1, 2, "one"),
    text: few<unknown>("Hello ", "world", "", 1),
    output: few("Hello world", "Hello ", "", '[{"role":"assistant","parts":[]}]', "{"),
    finishReason: few("stop", "tool_calls"),
    conversationId: few("talk-1"),
    model: few("m", "n"),
    inputTokens: few<unknown>(3, -1, 1.5, "many"),
    outputTokens: few(4),
    error: few<unknown>({ type: "Error", message: "broken" }, "broken", null),
  },
  { requiredKeys: [] },
);

/** Any event of any span in any order: what a reader sees who joined late and lost some. */
const input: fc.Arbitrary<EventInput> = fc.record({
  runId: few("run", "run", "run", "run", "other"),
  type: fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(few("invocation", "model", "tool", "step", "workflow"), few("started", "completed", "failed"))
        .map((parts) => `agent.${parts.join(".")}`),
    },
    {
      weight: 2,
      arbitrary: few("agent.retrieval.started", "agent.retrieval.completed", "agent.nonsense.started", "agent.handoff"),
    },
    {
      weight: 4,
      arbitrary: few(
        "agent.model.chunk",
        "agent.model.first_chunk",
        "agent.tokens.used",
        "agent.terminate",
        "order.placed",
      ),
    },
  ),
  data: maybe(data),
  time: maybe(few(1_700_000_000_000.25, 0, 9e20)),
  spanId: maybe(few(...spanIds)),
  parentSpanId: maybe(few(...spanIds)),
});

const gap = few({ missed: 3, reason: "lagged" as const }, { missed: 0, reason: "cut" as const });
const reasons = few<SubscriptionEnd["reason"]>(
  "closed",
  "aborted",
  "returned",
  "idle",
  "evicted",
  "dropped",
  "shutdown",
  "cut",
  "producer-lost",
);
const outcomes = few<NonNullable<SubscriptionEnd["outcome"]>>(
  "completed",
  "failed",
  "cancelled",
  "abandoned",
  "idle",
  "detached",
  "unknown",
);
const end = fc
  .tuple(reasons, maybe(outcomes))
  .map(([reason, outcome]): SubscriptionEnd => ({ reason, ...(outcome && { outcome }) }));
const options = fc.record(
  { threadId: few("thread"), runId: few("mine"), subagents: fc.boolean() },
  { requiredKeys: [] },
);

/** A run as agents make it: every start has its end, inside of what stands around it. */
interface Span {
  readonly operation: string;
  readonly data: object;
  readonly inner: readonly Span[];
  /** It ends before what it began inside. */
  readonly leaves: boolean;
}
const { span } = fc.letrec<{ span: Span }>((tie) => ({
  span: fc.record({
    operation: few("invocation", "model", "tool", "step", "workflow", "guardrail"),
    data,
    leaves: few(false, false, false, true),
    inner: fc.oneof({ maxDepth: 4, depthSize: "medium" }, fc.constant([]), fc.array(tie("span"), { maxLength: 3 })),
  }),
}));

/** The starts and ends of spans that run at the same time. */
function* lived(
  spans: readonly Span[],
  parentSpanId: string | undefined,
  ids: { next: number },
): Generator<EventInput> {
  const lives = spans.map((each) => life(each, parentSpanId, ids));
  while (lives.length > 0) {
    const turn = lives.shift();
    const { value, done } = turn?.next() ?? { done: true };
    if (done || !value || !turn) continue;
    yield value;
    lives.push(turn);
  }
}

function* life(
  { operation, data: given, inner, leaves }: Span,
  parentSpanId: string | undefined,
  ids: { next: number },
): Generator<EventInput> {
  ids.next += 1;
  const at = { runId: "run", data: given, spanId: `span-${ids.next}`, parentSpanId };
  yield { ...at, type: `agent.${operation}.started` };
  if (operation === "model") yield { ...at, type: "agent.model.chunk" };
  const end = { ...at, type: `agent.${operation}.${"error" in given ? "failed" : "completed"}` };
  const inside = lived(inner, at.spanId, ids);
  if (leaves) {
    for (const { value } of [inside.next(), inside.next()]) if (value) yield value;
    yield end;
  }
  yield* inside;
  if (!leaves) yield end;
}

interface Circumstances {
  readonly maxQueueSize?: number;
  /** The reader joins behind so many events, with or without the history, … */
  readonly joins?: number;
  readonly after?: "live" | undefined;
  /** … and reads along until so many were published. */
  readonly lags?: number;
}

async function watched(inputs: readonly EventInput[], close: (bus: EventBus) => void, how: Circumstances = {}) {
  const { maxQueueSize = 10_000, joins = 0, after, lags = 0 } = how;
  const bus = new EventBus({ maxQueueSize });
  for (const each of inputs.slice(0, joins)) bus.publish(each);
  const subscription = bus.subscribe("run", { after });
  const events = toAgUi(subscription);
  const reads: Promise<IteratorResult<AgUiEvent>>[] = [];
  for (const [index, each] of inputs.slice(joins).entries()) {
    bus.publish(each);
    if (index >= lags) continue;
    reads.push(events.next());
    await new Promise(setImmediate);
  }
  // Closes a run that nothing happened in, too.
  bus.publish({ runId: "run", type: "order.placed" });
  close(bus);
  const out = (await Promise.all(reads)).flatMap(({ value }) => (value ? [value] : []));
  for await (const event of events) out.push(event);
  expect(bus.stats().runSubscribers).toBe(0);
  await bus.shutdown();
  return out;
}

describe("whatever a subscription gives, the front end gets one valid run", () => {
  const check = async (out: readonly AgUiEvent[]) => {
    expect(broken(out)).toEqual([]);
    // An error is part of the protocol; breaking it is what the client rejects.
    const { events } = await received(out);
    expect(events.map(({ type }) => type)).toEqual(out.map(({ type }) => type));
  };
  vi.spyOn(console, "warn").mockImplementation(() => {});

  it("of any events in any order, with gaps, ended in any way", async () => {
    const events = fc.array(fc.oneof({ weight: 9, arbitrary: input }, { weight: 1, arbitrary: gap }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(events, end, options, async (given, ended, choice) => {
        const made = given.map((each, index) => eventOf(each, index + 1));
        await check(await readAll(stream(made, ended), choice));
      }),
      { numRuns: 300 },
    );
  });

  it("of spans that run at the same time, read by a reader that lags, joins and leaves", {
    timeout: 60_000,
  }, async () => {
    const circumstances = fc.record({
      maxQueueSize: fc.integer({ min: 1, max: 20 }),
      joins: fc.nat(10),
      after: maybe(few("live" as const)),
      lags: fc.nat(40),
    });
    const closes = few<(bus: EventBus) => void>(
      (bus) => bus.closeStream("run", "completed"),
      (bus) => bus.closeStream("run", "failed"),
      (bus) => bus.closeStream("run", "cancelled"),
      (bus) => bus.dropHistory("run"),
      (bus) => void bus.shutdown(),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(span, { maxLength: 4 }), closes, circumstances, async (spans, close, how) => {
        await check(await watched([...lived(spans, undefined, { next: 0 })], close, how));
      }),
      { numRuns: 100 },
    );
  });

  it("of spans whose starts and ends are all there: nothing is told twice, and each call has its result", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(span, { maxLength: 4 }), async (spans) => {
        const inputs = [...lived(spans, undefined, { next: 0 })];
        const out = await watched(inputs, (bus) => bus.closeStream("run"));
        const count = (type: string) => out.filter((event) => event.type === type).length;
        expect(count("TOOL_CALL_RESULT")).toBe(count("TOOL_CALL_START"));
        expect(count("TOOL_CALL_START")).toBeLessThanOrEqual(
          inputs.filter(({ type }) => type === "agent.tool.started").length,
        );
        expect(count("TEXT_MESSAGE_START")).toBeLessThanOrEqual(
          inputs.filter(({ type }) => /\.(model|invocation)\.started/.test(type)).length,
        );
        await check(out);
      }),
      { numRuns: 100 },
    );
  });
});

describe("the rules find", () => {
  const run = { threadId: "t", runId: "r" };
  const started: AgUiEvent = { type: "RUN_STARTED", ...run, protocolVersion: "1.0" };
  const finished: AgUiEvent = { type: "RUN_FINISHED", ...run };
  const message = { messageId: "m" };
  const start: AgUiEvent = { type: "TEXT_MESSAGE_START", ...message, role: "assistant" };
  const content: AgUiEvent = { type: "TEXT_MESSAGE_CONTENT", ...message, delta: "x" };
  const stop: AgUiEvent = { type: "TEXT_MESSAGE_END", ...message };

  it("nothing wrong in a run that keeps to them", async () => {
    expect(broken([started, start, content, stop, finished])).toEqual([]);
    await received([started, start, content, stop, finished]);
  });

  it.each<[string, AgUiEvent[]]>([
    ["no start", [finished]],
    ["no end", [started]],
    ["something behind the end", [started, finished, start]],
    ["a message left open", [started, start, content, finished]],
    ["an empty message", [started, start, stop, finished]],
    ["a message opened twice", [started, start, content, stop, start, content, stop, finished]],
    ["a step without a start", [started, { type: "STEP_FINISHED", stepName: "s" }, finished]],
    [
      "a result without a call",
      [started, { type: "TOOL_CALL_RESULT", toolCallId: "c", messageId: "m", content: "" }, finished],
    ],
    ["work of an unknown sub-agent", [started, { ...start, subagentRunId: "s" }, content, stop, finished]],
    ["a time that is no whole number", [started, { ...finished, timestamp: 0.5 }]],
  ])("%s", (_, events) => {
    expect(broken(events)).not.toEqual([]);
  });

  it("what the official client finds", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await expect(received([started, start, content, finished])).rejects.toThrow("text messages are still active");
    vi.restoreAllMocks();
  });
});

function eventOf(given: EventInput | { missed: number; reason: string }, seq: number): BusEvent {
  const base = { id: `g.${seq}`, runId: "run", time: seq + 0.25, seq, data: {} };
  if ("missed" in given) return { ...base, seq: undefined, type: "bus.gap", data: given } as unknown as BusEvent;
  return { ...base, ...JSON.parse(JSON.stringify(given)), data: given.data ?? {} } as BusEvent;
}
