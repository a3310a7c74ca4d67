import { expect as jestExpect } from "expect";
import { type BusEvent, EventBus, type Outcome } from "spanbus";
import { matchers, type RecordedRun, recordRun } from "spanbus/testing";
import { describe, expect, it } from "vitest";

expect.extend(matchers);

type Told = readonly [type: string, span: string, data?: object];

/** A run of these events, each in a span of its own below the agent. */
async function runOf(told: readonly Told[], outcome?: Outcome): Promise<RecordedRun<unknown>> {
  const bus = new EventBus({ content: "full" });
  const events: BusEvent[] = [];
  bus.tap((event) => void events.push(event));
  for (const [type, spanId, data] of told)
    bus.publish({ runId: "run", type: `agent.${type}`, spanId, parentSpanId: "a", data });
  const empty = await recordRun(bus, () => {});
  await bus.shutdown();
  return { ...empty, events, outcome: outcome ?? "completed" };
}

function call(span: string, toolName: string, given: object = {}): Told[] {
  return [
    ["tool.started", span, { toolName, arguments: JSON.stringify(given) }],
    ["tool.completed", span, { toolName, result: "found" }],
  ];
}

/** What `expect` says when it fails. */
function said(assertion: () => void): string {
  try {
    assertion();
  } catch (error) {
    return (error as Error).message;
  }
  return expect.fail("it passed");
}

const run = await runOf([
  ...call("t1", "search", { q: "hotels" }),
  ...call("t2", "search", { q: "trains" }),
  ...call("t3", "book", { id: 7 }),
  ["model.started", "m", { model: "gpt" }],
  ["model.completed", "m", { model: "gpt", finishReason: "stop" }],
  ["tokens.used", "m", { inputTokens: 30, outputTokens: 12 }],
]);
const outline = `

The run ended as completed. It did:
  ✓ tool search {"q":"hotels"} → found
  ✓ tool search {"q":"trains"} → found
  ✓ tool book {"id":7} → found
  ✓ model gpt (stop, 30 tokens in, 12 out)`;

describe("toHaveCalledTool", () => {
  it("passes", () => {
    expect(run).toHaveCalledTool("search");
    expect(run).toHaveCalledTool("search", { times: 2 });
    expect(run).toHaveCalledTool("fly", { times: 0 });
    expect(run).toHaveCalledTool("search", { arguments: { q: "trains" }, times: 1 });
    expect(run).toHaveCalledTool("book", { arguments: expect.objectContaining({ id: expect.any(Number) }) });
    expect(run).not.toHaveCalledTool("fly");
    expect(run).not.toHaveCalledTool("search", { times: 1 });
    expect(run).not.toHaveCalledTool("book", { arguments: { id: 8 } });
  });

  it.each<[() => void, string]>([
    [() => expect(run).toHaveCalledTool("fly"), 'expected the run to have called "fly", but it called it never'],
    [
      () => expect(run).toHaveCalledTool("search", { times: 3 }),
      'expected the run to have called "search" 3 times, but it called it twice',
    ],
    [
      () => expect(run).toHaveCalledTool("book", { arguments: { id: 8 } }),
      'expected the run to have called "book" with {"id":8}, but it called it with {"id":7}',
    ],
    [
      () => expect(run).not.toHaveCalledTool("book"),
      'expected the run not to have called "book", but it called it once',
    ],
    [
      () => expect(run).not.toHaveCalledTool("search", { times: 2 }),
      'expected the run not to have called "search" twice, but it called it twice',
    ],
  ])("fails and says what the run did: %#", (assertion, message) => {
    expect(said(assertion)).toBe(message + outline);
  });

  it("counts a call that two instrumentations tell, one inside the other, once", async () => {
    const bus = new EventBus();
    const told = (type: string, spanId: string, parentSpanId?: string) =>
      bus.publish({ runId: "r", type: `agent.tool.${type}`, spanId, parentSpanId, data: { toolName: "x" } });
    told("started", "outer");
    told("started", "inner", "outer");
    told("completed", "inner", "outer");
    told("completed", "outer");
    expect(bus.history("r")).toHaveCalledTool("x", { times: 1 });
  });
});

describe("toHaveCalledToolsInOrder", () => {
  it("passes", () => {
    expect(run).toHaveCalledToolsInOrder(["search", "book"]);
    expect(run).toHaveCalledToolsInOrder(["search", "search", "book"]);
    expect(run).toHaveCalledToolsInOrder([]);
    expect(run).not.toHaveCalledToolsInOrder(["book", "search"]);
  });

  it.each<[() => void, string]>([
    [
      () => expect(run).toHaveCalledToolsInOrder(["book", "search"]),
      'expected the run to have called book, then search, but "search" was not called after "book"; it called search, search, book',
    ],
    [
      () => expect(run).toHaveCalledToolsInOrder(["fly", "book"]),
      'expected the run to have called fly, then book, but "fly" was not called at all; it called search, search, book',
    ],
    [
      () => expect(run).not.toHaveCalledToolsInOrder(["search", "book"]),
      "expected the run not to have called search, then book, but it called search, search, book",
    ],
  ])("fails and says what the run did: %#", (assertion, message) => {
    expect(said(assertion)).toBe(message + outline);
  });
});

describe("toHaveEnded", () => {
  it("passes", async () => {
    expect(run).toHaveEnded();
    expect(run).toHaveEnded("completed");
    expect(run).not.toHaveEnded("failed");
    const terminated = await runOf([["terminate", "a", { reason: "cancelled" }]]);
    expect(terminated.events).toHaveEnded("cancelled");
    expect([]).not.toHaveEnded();
  });

  it("fails and says what the run did", async () => {
    expect(said(() => expect(run).toHaveEnded("failed"))).toBe(
      `expected the run to have ended as failed, but it ended as completed${outline}`,
    );
    expect(said(() => expect(run).not.toHaveEnded())).toBe(
      `expected the run not to have ended, but it ended as completed${outline}`,
    );
    expect(said(() => expect(run).not.toHaveEnded("completed"))).toMatch(
      "expected the run not to have ended as completed, but it ended as completed",
    );
    expect(said(() => expect(run.events).toHaveEnded())).toMatch(
      "expected the run to have ended, but no end of it was seen",
    );
  });

  it("says why it failed", async () => {
    const bus = new EventBus();
    const failed = await recordRun(bus, () => Promise.reject(new TypeError("no such city")));
    expect(said(() => expect(failed).toHaveEnded("completed"))).toBe(
      "expected the run to have ended as completed, but it ended as failed\n\n" +
        "The run ended as failed with TypeError: no such city. It did:\n" +
        "  nothing that the bus has seen. Is the bus among the span processors of the provider, is a context manager registered,\n" +
        "  and does the instrumentation make spans? AI SDK 7 makes none by itself: `observeAiSdk` of spanbus/ai-sdk.",
    );
  });
});

describe("toHaveUsedAtMostTokens", () => {
  it("passes", async () => {
    expect(run).toHaveUsedAtMostTokens(42);
    expect(run).not.toHaveUsedAtMostTokens(41);
    expect([]).toHaveUsedAtMostTokens(0);
    const total = await runOf([["tokens.used", "m", { totalTokens: 9 }]]);
    expect(total).toHaveUsedAtMostTokens(9);
    expect(total).not.toHaveUsedAtMostTokens(8);
  });

  it("fails and says what the run did", () => {
    expect(said(() => expect(run).toHaveUsedAtMostTokens(41))).toBe(
      `expected the run to have used at most 41 tokens, but it used 42${outline}`,
    );
    expect(said(() => expect(run).not.toHaveUsedAtMostTokens(42))).toBe(
      `expected the run not to have used at most 42 tokens, but it used 42${outline}`,
    );
  });

  it("decides nothing where model calls told no tokens", async () => {
    const silent = await runOf([
      ["model.started", "m"],
      ["model.completed", "m"],
    ]);
    for (const assertion of [
      () => expect(silent).toHaveUsedAtMostTokens(9),
      () => expect(silent).not.toHaveUsedAtMostTokens(9),
    ]) {
      expect(said(assertion)).toMatch(
        "no model call of the run told its tokens, so nothing can be said about them\n\nThe run ended",
      );
    }
  });
});

describe("a mistake", () => {
  it.each<[() => void, string]>([
    [() => expect(7).toHaveEnded(), "`toHaveEnded` is for what `recordRun` gives, or a list of events, got 7"],
    [
      () => expect(undefined).toHaveCalledTool("x"),
      "`toHaveCalledTool` is for what `recordRun` gives, or a list of events, got nothing",
    ],
    [
      () => expect(["x"]).toHaveUsedAtMostTokens(1),
      '`toHaveUsedAtMostTokens` is for what `recordRun` gives, or a list of events, got ["x"]',
    ],
    [() => expect(run).toHaveCalledTool("x", { times: -1 }), "`times` must be a whole number of 0 or more, got -1"],
    [() => expect(run).toHaveCalledTool(7 as never), "`toolName` must be a string, got 7"],
    [() => expect(run).toHaveCalledToolsInOrder("x" as never), '`toolNames` must be an array of strings, got "x"'],
    [
      () => expect(run).toHaveEnded("done" as never),
      '`outcome` must be one of "completed", "failed", "cancelled", "abandoned", "idle", "detached", "unknown", got "done"',
    ],
    [() => expect(run).toHaveUsedAtMostTokens(Number.NaN), "`max` must be a number of 0 or more, got NaN"],
    [() => expect(run).not.toHaveUsedAtMostTokens(-1), "`max` must be a number of 0 or more, got -1"],
  ])("is told, with and without `.not`: %#", (assertion, message) => {
    expect(said(assertion)).toBe(message);
  });
});

it("an outline shows no more than fits on a screen", async () => {
  const long = await runOf(
    Array.from({ length: 100 }, (_, n): Told[] => call(`t${n}`, "x", { text: `a\n${"b".repeat(500)}` })).flat(),
  );
  const lines = String(said(() => expect(long).toHaveEnded("failed")))
    .split("\n")
    .slice(3);
  expect(lines).toHaveLength(61);
  expect(lines.at(-1)).toBe("  … 40 more");
  expect(Math.max(...lines.map((line) => line.length))).toBe(120);
});

it("jest's `expect` takes the same matchers", () => {
  jestExpect.extend(matchers);
  const assertion = (received: unknown) => jestExpect(received) as unknown as typeof typed & { not: typeof typed };
  const typed = expect(run);
  assertion(run).toHaveCalledTool("book", { arguments: jestExpect.objectContaining({ id: 7 }) as unknown });
  assertion(run).not.toHaveEnded("failed");
  expect(said(() => assertion(run).toHaveEnded("failed"))).toContain("expected the run to have ended as failed");
});

it("types know the matchers and what they take", () => {
  // @ts-expect-error: no outcome
  expect(() => expect(run).toHaveEnded("done")).toThrow(RangeError);
  // @ts-expect-error: not so often
  expect(() => expect(run).toHaveCalledTool("search", { times: "twice" })).toThrow(RangeError);
  // @ts-expect-error: no list
  expect(() => expect(run).toHaveCalledToolsInOrder("search")).toThrow(TypeError);
  // @ts-expect-error: no such matcher
  expect(() => expect(run).toHaveCalled("search")).toThrow();
});
