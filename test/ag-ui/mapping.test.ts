import { EventBus, type EventInput, type Outcome } from "spanbus";
import type { AgUiEvent, AgUiOptions } from "spanbus/ag-ui";
import { describe, expect, it } from "vitest";
import { broken } from "./protocol.js";
import { outline, readAll, stream } from "./support.js";

type Told = readonly [type: string, span: string, parent?: string | undefined, data?: object | undefined];

/** What the front end gets of a run in which these events happen. */
async function front(
  told: readonly Told[],
  outcome: Outcome = "completed",
  options?: AgUiOptions,
): Promise<AgUiEvent[]> {
  const bus = new EventBus({ content: "full" });
  const subscription = bus.subscribe("run");
  for (const [type, spanId, parentSpanId, data] of told) bus.publish(event(type, spanId, parentSpanId, data));
  bus.closeStream("run", outcome);
  const events = await readAll(subscription, options);
  expect(broken(events)).toEqual([]);
  return events;
}

function event(type: string, spanId: string, parentSpanId?: string, data?: object): EventInput {
  return { runId: "run", type: /^(note|order)$/.test(type) ? type : `agent.${type}`, spanId, parentSpanId, data };
}

function only<T extends AgUiEvent["type"]>(events: readonly AgUiEvent[], type: T) {
  return events.filter((each): each is Extract<AgUiEvent, { type: T }> => each.type === type);
}

const agent: Told = ["invocation.started", "a", undefined, { agentName: "guide", conversationId: "talk-7" }];
const agentEnd: Told = ["invocation.completed", "a", undefined, { output: "Sunny." }];

describe("an agent with a tool and a streamed answer", () => {
  const told: Told[] = [
    agent,
    ["model.started", "m1", "a"],
    [
      "model.completed",
      "m1",
      "a",
      { output: '[{"type":"tool-call","toolName":"weather"}]', finishReason: "tool_calls" },
    ],
    ["tokens.used", "m1", "a", { provider: "p", model: "m", inputTokens: 10, outputTokens: 2, cacheReadTokens: 4 }],
    ["tool.started", "t", "a", { toolName: "weather", toolCallId: "call-9", arguments: '{"city":"Rome"}' }],
    ["tool.completed", "t", "a", { toolName: "weather", result: "sunny" }],
    ["model.started", "m2", "a"],
    ["model.first_chunk", "m2", "a"],
    ["model.chunk", "m2", "a", { text: "Sun" }],
    ["model.chunk", "m2", "a", { text: "ny." }],
    ["model.completed", "m2", "a", { output: "Sunny.", finishReason: "stop" }],
    ["tokens.used", "m2", "a", { provider: "p", model: "m", inputTokens: 20, outputTokens: 3 }],
    agentEnd,
    ["terminate", "a", undefined, { reason: "completed" }],
  ];

  it("is a run with a call, its result, and one message", async () => {
    expect(outline(await front(told))).toEqual([
      "RUN_STARTED",
      "CUSTOM agent.tokens.used",
      "TOOL_CALL_START weather",
      'TOOL_CALL_ARGS {"city":"Rome"}',
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT sunny",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Sunny.",
      "TEXT_MESSAGE_END",
      "CUSTOM agent.tokens.used",
      "RUN_FINISHED success",
    ]);
  });

  it("names the conversation, the run, and the tokens of each model", async () => {
    const events = await front(told);
    expect(events[0]).toMatchObject({
      threadId: "talk-7",
      runId: "run",
      protocolVersion: "1.0",
      timestamp: expect.any(Number),
    });
    expect(only(events, "RUN_FINISHED")[0]?.usage).toEqual([
      { provider: "p", model: "m", inputTokens: 30, outputTokens: 5, totalTokens: 35, cachedInputTokens: 4 },
    ]);
  });

  it("keeps the model's id of the call", async () => {
    expect(only(await front(told), "TOOL_CALL_RESULT")[0]).toMatchObject({ toolCallId: "call-9" });
  });

  it("has the ids of the front end where they are given, and then begins at once", async () => {
    const [started, ...rest] = await front(told, "completed", { threadId: "thread", runId: "mine" });
    expect(started).toEqual({ type: "RUN_STARTED", threadId: "thread", runId: "mine", protocolVersion: "1.0" });
    expect(rest.at(-1)).toMatchObject({ threadId: "thread", runId: "mine" });
  });
});

describe("tool calls", () => {
  it("at the same time stay apart, and belong to the reply that asked for them", async () => {
    const events = await front([
      agent,
      ["model.started", "m", "a"],
      ["tool.started", "t1", "m", { toolName: "weather", arguments: "1" }],
      ["tool.started", "t2", "m", { toolName: "weather", arguments: "2" }],
      ["tool.completed", "t2", "m", { toolName: "weather", result: "two" }],
      ["tool.completed", "t1", "m", { toolName: "weather", result: "one" }],
      ["model.completed", "m", "a", { output: "Done." }],
      agentEnd,
    ]);
    const [first, second] = only(events, "TOOL_CALL_START");
    expect(only(events, "TOOL_CALL_RESULT").map(({ toolCallId, content }) => [toolCallId, content])).toEqual([
      [second?.toolCallId, "two"],
      [first?.toolCallId, "one"],
    ]);
    const [message] = only(events, "TEXT_MESSAGE_START");
    expect([first, second].map((call) => call?.parentMessageId)).toEqual([message?.messageId, message?.messageId]);
  });

  it("that fail have the error as their result", async () => {
    const error = { type: "Error", message: "no answer" };
    const events = await front([
      ["tool.started", "t", undefined, { toolName: "x" }],
      ["tool.failed", "t", undefined, { toolName: "x", error }],
    ]);
    expect(only(events, "TOOL_CALL_RESULT")[0]).toMatchObject({ content: "no answer", metadata: { error } });
  });

  it("have their arguments late where those come with the end", async () => {
    const events = await front([
      ["tool.started", "t", undefined, { toolName: "x" }],
      ["note", "n"],
      ["tool.completed", "t", undefined, { toolName: "x", arguments: "{}", result: "r" }],
    ]);
    expect(outline(events).slice(1, -1)).toEqual([
      "TOOL_CALL_START x",
      "CUSTOM note",
      "TOOL_CALL_ARGS {}",
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT r",
    ]);
  });

  it("are told as a whole where the start was missed", async () => {
    const events = await front([["tool.completed", "t", undefined, { toolName: "x", arguments: "{}", result: "r" }]]);
    expect(outline(events).slice(1, -1)).toEqual([
      "TOOL_CALL_START x",
      "TOOL_CALL_ARGS {}",
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT r",
    ]);
  });

  it("told by two instrumentations, one inside the other, are one", async () => {
    const events = await front([
      ["tool.started", "t", undefined, { toolName: "x", arguments: "{}" }],
      ["tool.started", "inner", "t", { toolName: "x", mcp: true }],
      ["tool.completed", "inner", "t", { toolName: "x", result: "raw" }],
      ["tool.completed", "t", undefined, { toolName: "x", result: "r" }],
    ]);
    expect(outline(events).slice(1, -1)).toEqual([
      "TOOL_CALL_START x",
      "TOOL_CALL_ARGS {}",
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT r",
    ]);
  });

  it("that end twice, as only events written by hand do, are two", async () => {
    const end: Told = ["tool.completed", "t", undefined, { toolName: "x", result: "r" }];
    const events = await front([["tool.started", "t", undefined, { toolName: "x" }], end, end]);
    const calls = only(events, "TOOL_CALL_START").map(({ toolCallId }) => toolCallId);
    expect(only(events, "TOOL_CALL_RESULT").map(({ toolCallId }) => toolCallId)).toEqual(calls);
    expect(new Set(calls).size).toBe(2);
  });

  it("with an id that was used before get another", async () => {
    const call: Told[] = [
      ["tool.started", "t1", undefined, { toolName: "x", toolCallId: "call" }],
      ["tool.completed", "t1", undefined, { toolName: "x" }],
    ];
    const again = call.map(([type, , parent, data]): Told => [type, "t2", parent, data]);
    expect(only(await front([...call, ...again]), "TOOL_CALL_START").map(({ toolCallId }) => toolCallId)).toEqual([
      "call",
      "call-2",
    ]);
  });

  it("get ids that no other has, also where one looks like an id with a number", async () => {
    const ids = ["call", "call", "call-2", "call", "call-2", "call-2-2"];
    const calls = ids.flatMap((toolCallId, index): Told[] => [
      ["tool.started", `t${index}`, undefined, { toolName: "x", toolCallId }],
      ["tool.completed", `t${index}`, undefined, { toolName: "x" }],
    ]);
    const told = only(await front(calls), "TOOL_CALL_START").map(({ toolCallId }) => toolCallId);
    expect(told.slice(0, 2)).toEqual(["call", "call-2"]);
    expect(new Set(told).size).toBe(ids.length);
  });
});

describe("messages", () => {
  it("of two models at once stay apart", async () => {
    const events = await front([
      ["model.started", "m1"],
      ["model.started", "m2"],
      ["model.chunk", "m1", undefined, { text: "one" }],
      ["model.chunk", "m2", undefined, { text: "two" }],
      ["model.chunk", "m1", undefined, { text: "!" }],
      ["model.completed", "m1"],
      ["model.completed", "m2"],
    ]);
    const texts = new Map<string, string>();
    for (const { messageId, delta } of only(events, "TEXT_MESSAGE_CONTENT"))
      texts.set(messageId, (texts.get(messageId) ?? "") + delta);
    expect([...texts.values()]).toEqual(["one!", "two"]);
  });

  it("have the end that was not streamed", async () => {
    const events = await front([
      ["model.chunk", "m", undefined, { text: "Hel" }],
      ["model.completed", "m", undefined, { output: "Hello" }],
    ]);
    expect(only(events, "TEXT_MESSAGE_CONTENT").map(({ delta }) => delta)).toEqual(["Hel", "lo"]);
  });

  it("told by two instrumentations, one inside the other, are one", async () => {
    const events = await front([
      ["model.started", "outer"],
      ["model.started", "inner", "outer"],
      ["model.chunk", "inner", "outer", { text: "Hello" }],
      ["model.completed", "inner", "outer", { output: "Hello" }],
      ["model.completed", "outer", undefined, { output: "Hello" }],
    ]);
    expect(only(events, "TEXT_MESSAGE_CONTENT").map(({ delta }) => delta)).toEqual(["Hello"]);
  });

  it("streamed by two instrumentations are those of the one that began, to its end", async () => {
    const events = await front([
      ["model.started", "outer"],
      ["model.started", "inner", "outer"],
      ["model.chunk", "outer", undefined, { text: "Hel" }],
      ["model.chunk", "inner", "outer", { text: "Hello" }],
      ["model.completed", "inner", "outer", { output: "Hello" }],
      ["model.chunk", "outer", undefined, { text: "lo" }],
      ["model.completed", "outer"],
    ]);
    expect(only(events, "TEXT_MESSAGE_CONTENT").map(({ delta }) => delta)).toEqual(["Hel", "lo"]);
  });

  it("hold no calls of tools where it is not known which model asked", async () => {
    const parents: (string | undefined)[] = [];
    for (const other of [[], [["model.started", "m2", "a"] as Told]]) {
      const events = await front([
        agent,
        ["model.started", "m", "a"],
        ...other,
        ["tool.started", "t", "a", { toolName: "x" }],
      ]);
      parents.push(only(events, "TOOL_CALL_START")[0]?.parentMessageId);
    }
    expect(parents).toEqual([expect.any(String), undefined]);
  });

  it("are the answer of the agent where its model calls hold none", async () => {
    const events = await front([agent, ["model.started", "m", "a"], ["model.completed", "m", "a"], agentEnd]);
    expect(only(events, "TEXT_MESSAGE_CONTENT").map(({ delta }) => delta)).toEqual(["Sunny."]);
  });

  it("are none where a model wrote messages deeper than any are", async () => {
    const output = `{"role":"assistant","content":${"[".repeat(4000)}"x"${"]".repeat(4000)}}`;
    const events = await front([["model.completed", "m", undefined, { output }]]);
    expect(events.map(({ type }) => type)).toEqual(["RUN_STARTED", "RUN_FINISHED"]);
  });

  it("are none where events hold no content", async () => {
    const events = await front([
      ["model.started", "m"],
      ["model.chunk", "m", undefined, { chunks: 3 }],
      ["model.completed", "m"],
    ]);
    expect(outline(events)).toEqual(["RUN_STARTED", "RUN_FINISHED success"]);
  });
});

describe("what stands inside of an agent", () => {
  const nested: Told[] = [
    agent,
    ["tool.started", "t", "a", { toolName: "ask_cook" }],
    ["invocation.started", "b", "t", { agentName: "cook" }],
    ["step.started", "s", "b", { step: 1 }],
    ["model.completed", "m", "s", { output: "Soup." }],
    ["step.completed", "s", "b"],
    ["invocation.completed", "b", "t", { output: "Soup." }],
    ["tool.completed", "t", "a", { toolName: "ask_cook", result: "Soup." }],
    agentEnd,
  ];

  it("is a sub-agent if it is one, with all its work", async () => {
    const events = await front(nested);
    expect(outline(events)).toEqual([
      "RUN_STARTED",
      "TOOL_CALL_START ask_cook",
      "SUBAGENT_STARTED cook",
      "  STEP_STARTED step 1",
      "  TEXT_MESSAGE_START",
      "  TEXT_MESSAGE_CONTENT Soup.",
      "  TEXT_MESSAGE_END",
      "  STEP_FINISHED step 1",
      "SUBAGENT_FINISHED",
      "TOOL_CALL_END",
      "TOOL_CALL_RESULT Soup.",
      "RUN_FINISHED success",
    ]);
    expect(only(events, "SUBAGENT_STARTED")[0]?.parentToolCallId).toBe(only(events, "TOOL_CALL_START")[0]?.toolCallId);
  });

  it("is a step for clients that know no sub-agents", async () => {
    const events = await front(nested, "completed", { subagents: false });
    expect(outline(events)).toContain("STEP_STARTED cook");
    expect(events.filter((each) => "subagentRunId" in each)).toEqual([]);
  });

  it("fails without the run where the agent gets over it", async () => {
    const error = { type: "Error", message: "burnt" };
    const events = await front([
      agent,
      ["invocation.started", "b", "a", { agentName: "cook" }],
      ["invocation.failed", "b", "a", { error }],
      agentEnd,
    ]);
    expect(outline(events)).toEqual([
      "RUN_STARTED",
      "SUBAGENT_STARTED cook",
      "SUBAGENT_ERROR Error",
      "TEXT_MESSAGE_START",
      "TEXT_MESSAGE_CONTENT Sunny.",
      "TEXT_MESSAGE_END",
      "RUN_FINISHED success",
    ]);
  });

  it("with the name of a step that is open gets a number, since AG-UI pairs steps by name", async () => {
    const events = await front([
      ["retrieval.started", "r1", undefined, { name: "docs" }],
      ["retrieval.started", "r2", undefined, { name: "docs" }],
      ["retrieval.completed", "r1", undefined, { name: "docs" }],
      ["retrieval.completed", "r2", undefined, { name: "docs" }],
    ]);
    expect(outline(events).slice(1, -1)).toEqual([
      "STEP_STARTED docs",
      "STEP_STARTED docs (2)",
      "STEP_FINISHED docs",
      "STEP_FINISHED docs (2)",
    ]);
  });

  it("and outlives the sub-agent around it is closed with that, once", async () => {
    const events = await front([
      agent,
      ["invocation.started", "b", "a", { agentName: "cook" }],
      ["invocation.started", "c", "b", { agentName: "baker" }],
      ["invocation.completed", "b", "a"],
      ["step.started", "s", "c", { name: "knead" }],
      ["step.completed", "s", "c", { name: "knead" }],
      ["invocation.completed", "c", "b", { output: "Bread." }],
    ]);
    expect(outline(events).slice(1, -1)).toEqual([
      "SUBAGENT_STARTED cook",
      "SUBAGENT_STARTED baker",
      "SUBAGENT_FINISHED",
      "SUBAGENT_FINISHED",
      "STEP_STARTED knead",
      "STEP_FINISHED knead",
    ]);
  });

  it("and is still at work when a sub-agent ends is closed with it; its result may come late", async () => {
    const events = await front([
      agent,
      ["invocation.started", "b", "a", { agentName: "cook" }],
      ["tool.started", "t", "b", { toolName: "oven", arguments: "{}" }],
      ["model.chunk", "m", "b", { text: "So" }],
      ["invocation.completed", "b", "a"],
      ["tool.completed", "t", "b", { toolName: "oven", result: "hot" }],
      ["model.completed", "m", "b", { output: "Soup." }],
      agentEnd,
    ]);
    expect(outline(events).slice(1, -1)).toEqual([
      "SUBAGENT_STARTED cook",
      "  TOOL_CALL_START oven",
      "  TOOL_CALL_ARGS {}",
      "  TOOL_CALL_END",
      "  TEXT_MESSAGE_START",
      "  TEXT_MESSAGE_CONTENT So",
      "  TEXT_MESSAGE_END",
      "SUBAGENT_FINISHED",
      "  TOOL_CALL_RESULT hot",
    ]);
  });
});

describe("what AG-UI has no word for", () => {
  it("is a custom event of its own name", async () => {
    const events = await front([
      ["order", "o", undefined, { id: 7 }],
      ["handoff", "h", undefined, { from: "a", to: "b" }],
    ]);
    expect(only(events, "CUSTOM").map(({ name, value }) => [name, value])).toEqual([
      ["order", { id: 7 }],
      ["agent.handoff", { from: "a", to: "b" }],
    ]);
  });

  it("tells a gap where it is, and no tokens that would be too few", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const subscription = bus.subscribe("run");
    for (let n = 0; n < 5; n += 1) bus.publish(event("tokens.used", "m", undefined, { inputTokens: 1 }));
    bus.closeStream("run");
    const events = await readAll(subscription);
    expect(only(events, "CUSTOM")[0]).toMatchObject({ name: "bus.gap", value: { missed: 3, reason: "lagged" } });
    expect(only(events, "RUN_FINISHED")[0]).not.toHaveProperty("usage");
  });

  it("of other runs is left out", async () => {
    const bus = new EventBus();
    const all = bus.subscribeGlobal();
    for (const runId of ["one", "two"]) bus.publish({ runId, type: "note", data: { runId } });
    bus.closeGlobal();
    expect(only(await readAll(all), "CUSTOM").map(({ value }) => value)).toEqual([{ runId: "one" }]);
  });
});

describe("the end", () => {
  const error = { type: "RateLimit", message: "too many" };

  it.each<[Outcome, string]>([
    ["completed", "RUN_FINISHED success"],
    ["cancelled", "RUN_FINISHED cancelled"],
    ["unknown", "RUN_FINISHED -"],
    ["detached", "RUN_FINISHED -"],
    ["failed", "RUN_ERROR failed: The run failed."],
    ["abandoned", "RUN_ERROR abandoned: The run was given up: some of its work never ended."],
    ["idle", "RUN_ERROR idle: The run was closed, since nothing happened in it for too long."],
  ])("of a run that is %s is %s", async (outcome, expected) => {
    expect(outline(await front([["note", "n"]], outcome)).at(-1)).toBe(expected);
  });

  it("of a run that failed says why", async () => {
    const events = await front([agent, ["invocation.failed", "a", undefined, { error }]], "failed");
    expect(outline(events).at(-1)).toBe("RUN_ERROR RateLimit: too many");
  });

  it("closes what is open, innermost first", async () => {
    const events = await front(
      [
        agent,
        ["step.started", "s", "a", { name: "plan" }],
        ["invocation.started", "b", "s", { agentName: "cook" }],
        ["tool.started", "t", "b", { toolName: "oven" }],
        ["model.chunk", "m", "b", { text: "So" }],
      ],
      "cancelled",
    );
    expect(outline(events).slice(-5)).toEqual([
      "  TEXT_MESSAGE_END",
      "  TOOL_CALL_END",
      "SUBAGENT_ERROR cancelled",
      "STEP_FINISHED plan",
      "RUN_FINISHED cancelled",
    ]);
  });

  it.each([
    ["cut", "RUN_ERROR cut: The process that holds the run could not be reached any more."],
    ["producer-lost", "RUN_ERROR producer-lost: The process that works on the run was lost."],
    ["aborted", "RUN_ERROR aborted: Reading was aborted before the run was over."],
    ["evicted", "RUN_ERROR evicted: The run was forgotten to make room for others."],
  ] as const)("is an error where the reader was %s: how the run ended is not known", async (reason, expected) => {
    const outcome = reason === "producer-lost" ? { outcome: "abandoned" as const } : {};
    const events = await readAll(stream([], { reason, ...outcome }));
    expect(outline(events)).toEqual(["RUN_STARTED", expected]);
  });
});
