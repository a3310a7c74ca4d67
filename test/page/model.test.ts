import type { BusEvent } from "spanbus";
import { describe, expect, it } from "vitest";
import type { RunInfo } from "../../src/bus/run.js";
import type { BusStats } from "../../src/bus/stats.js";
import { hasAddress, hashOf, placeOf } from "../../src/page/model/address.js";
import { BusClock } from "../../src/page/model/clock.js";
import { EventList } from "../../src/page/model/event-list.js";
import { RunList } from "../../src/page/model/run-list.js";
import { RunView } from "../../src/page/model/run-view.js";
import { SpanTree } from "../../src/page/model/span-tree.js";
import { StatsHistory } from "../../src/page/model/stats-history.js";
import { summaryOf } from "../../src/page/model/summary.js";
import { timeScale } from "../../src/page/model/time-scale.js";
import { piecesOf, plain } from "../../src/page/model/visible-text.js";
import { bytes, count, counted, duration } from "../../src/page/model/words.js";
import { completed, failed, started, told } from "./events.js";

function treeOf(events: readonly BusEvent[]): SpanTree {
  const tree = new SpanTree();
  for (const event of events) tree.add(event);
  return tree;
}

function viewOf(events: readonly BusEvent[]): RunView {
  const view = new RunView("r");
  for (const event of events) view.add(event);
  return view;
}

/** The rows as an outline. */
function outline(tree: SpanTree): string[] {
  return tree.rows().map(({ span, depth }) => `${"  ".repeat(depth)}${span.name} ${span.state}`);
}

describe("the tree of spans", () => {
  it("grows event by event", () => {
    const events = told([
      started("invocation", "a", undefined, { agentName: "guide" }),
      started("model", "m", "a", { model: "gpt" }),
      completed("model", "m", { durationMillis: 5 }),
      started("tool", "t", "a", { toolName: "search" }),
      failed("tool", "t", "no answer"),
    ]);
    const tree = treeOf(events.slice(0, 2));
    expect(outline(tree)).toEqual(["guide running", "  gpt running"]);
    expect(tree.running).toBe(2);
    for (const event of events.slice(2)) tree.add(event);
    expect(outline(tree)).toEqual(["guide running", "  gpt completed", "  search failed"]);
    expect(tree.span("t")?.error).toEqual({ type: "Error", message: "no answer" });
  });

  it("shows a span as what it is where that was told only at its end", () => {
    const tree = treeOf(
      told([
        { type: "span.started", spanId: "s", data: { name: "ChatOpenAI" } },
        { type: "span.completed", spanId: "s", data: { name: "ChatOpenAI", durationMillis: 4 } },
        started("model", "s", undefined, { model: "gpt" }),
        completed("model", "s", { model: "gpt", durationMillis: 4 }),
      ]),
    );
    expect(outline(tree)).toEqual(["gpt completed"]);
    expect(tree.span("s")).toMatchObject({ operation: "model", kind: "model", startTime: 1000, endTime: 1004 });
    expect(tree.running).toBe(0);
  });

  it("puts a span under a parent that is told later, and orders siblings by their start", () => {
    const tree = treeOf(
      told([
        started("tool", "late", "a", { toolName: "second" }, 1200),
        started("tool", "early", "a", { toolName: "first" }, 1100),
        started("invocation", "a", undefined, { agentName: "guide" }, 1000),
      ]),
    );
    expect(outline(tree)).toEqual(["guide running", "  first running", "  second running"]);
  });

  it("shows a span whose start is missing from when it must have begun", () => {
    const tree = treeOf(told([completed("tool", "t", { toolName: "search", durationMillis: 300 }, 2000)]));
    expect(tree.span("t")).toMatchObject({ startTime: 1700, endTime: 2000, state: "completed" });
  });

  it("marks the first token, adds tokens, and joins what is streamed", () => {
    const tree = treeOf(
      told([
        started("model", "m", undefined, { model: "gpt" }, 1000),
        { type: "agent.model.first_chunk", spanId: "m", time: 1400, data: { timeToFirstChunkMillis: 380 } },
        { type: "agent.model.chunk", spanId: "m", data: { text: "Hel" } },
        { type: "agent.model.chunk", spanId: "m", data: { text: "lo" } },
        { type: "agent.tokens.used", spanId: "m", data: { inputTokens: 12, outputTokens: 3 } },
      ]),
    );
    expect(tree.span("m")).toMatchObject({ firstChunkTime: 1380, streamed: "Hello", inputTokens: 12, outputTokens: 3 });
  });

  it("folds what is below a span", () => {
    const tree = treeOf(
      told([
        started("invocation", "a"),
        started("step", "s", "a", { step: 1 }),
        started("tool", "t", "s", { toolName: "x" }),
      ]),
    );
    tree.fold("s", true);
    expect(outline(tree)).toEqual(["agent running", "  step 1 running"]);
    tree.fold("s", false);
    expect(tree.rows()).toHaveLength(3);
  });

  it("says of spans whose end was not seen when the run is over", () => {
    const view = viewOf(told([started("invocation", "a"), started("tool", "t", "a", { toolName: "x" }, 1500)]));
    view.close("completed");
    expect(outline(view.spans)).toEqual(["agent unknown", "  x unknown"]);
    expect(view.spans.span("a")?.endTime).toBe(1500);
  });

  it("keeps 2000 spans, lets the oldest that is over go, and says how many went", () => {
    const tree = treeOf(told([started("invocation", "a")]));
    for (let index = 0; index < 2500; index += 1) {
      for (const event of told([started("tool", `t${index}`, "a"), completed("tool", `t${index}`)])) tree.add(event);
    }
    expect([tree.size, tree.leftOut]).toEqual([2000, 501]);
    expect(tree.span("a")?.state).toBe("running");
  });

  it("draws spans in a circle as roots, and below them what hangs there", () => {
    const circle = [started("tool", "a", "b"), started("tool", "b", "a"), started("tool", "c", "c")];
    const tree = treeOf(told([...circle, started("tool", "d", "b"), started("tool", "e", "d")]));
    const places = tree.rows().map(({ span, depth }) => [span.id, depth]);
    expect(places).toEqual([
      ["a", 0],
      ["b", 0],
      ["d", 1],
      ["e", 2],
      ["c", 0],
    ]);
  });

  it("believes no field", () => {
    const hostile = { toolName: 7, durationMillis: "long", error: "text", inputTokens: {} };
    const tree = treeOf(told([started("tool", "t", undefined, hostile), completed("tool", "t", hostile)]));
    expect(tree.span("t")).toMatchObject({ name: "tool", state: "completed", error: undefined });
  });

  it("calls by its kind what has a name that shows nothing", () => {
    const tree = treeOf(told([started("tool", "t", undefined, { toolName: " \n\u00a0" })]));
    expect(tree.span("t")?.name).toBe("tool");
  });
});

describe("the list of events", () => {
  const events = told([
    started("invocation", "a", undefined, { agentName: "guide" }),
    started("tool", "t", "a", { toolName: "search" }),
    { type: "bus.gap", data: { missed: 3, reason: "lagged" } },
    { type: "order.placed", data: { orderId: "A-17" } },
  ]);
  const listOf = (): EventList => {
    const list = new EventList();
    for (const event of events) list.add(event);
    return list;
  };
  const types = (list: EventList): string[] => list.passed().map(({ type }) => type);

  it("counts families of types, those of the user's own by their first word", () => {
    expect([...listOf().families]).toEqual([
      ["agent", 1],
      ["tool", 1],
      ["order", 1],
    ]);
  });

  it("tells the families behind the twelfth together", () => {
    const list = new EventList();
    for (const event of told(Array.from({ length: 40 }, (_, index) => ({ type: `own${index}.thing` }))))
      list.add(event);
    expect([...list.families.keys()]).toEqual([...Array.from({ length: 12 }, (_, index) => `own${index}`), "other"]);
    expect(list.families.get("other")).toBe(28);
    list.show("other", false);
    expect(list.passed()).toHaveLength(12);
  });

  it("hides a family, but never a gap", () => {
    const list = listOf();
    list.show("tool", false);
    expect(types(list)).toEqual(["agent.invocation.started", "bus.gap", "order.placed"]);
    list.show("tool", true);
    expect(list.passed()).toHaveLength(4);
  });

  it("finds words in types and in what is summed up", () => {
    const list = listOf();
    list.search("ORDER a-17");
    expect(types(list)).toEqual(["bus.gap", "order.placed"]);
    for (const event of told([{ type: "order.placed", data: { orderId: "A-175" } }, { type: "tick" }])) list.add(event);
    expect(types(list)).toEqual(["bus.gap", "order.placed", "order.placed"]);
  });

  it("keeps the newest 5000 and says how many it let go", () => {
    const list = new EventList();
    for (const event of told(Array.from({ length: 12_345 }, () => ({ type: "tick" })))) list.add(event);
    expect(list.size).toBeLessThanOrEqual(5000);
    expect(list.size + list.leftOut).toBe(12_345);
    expect(list.passed().at(-1)?.seq).toBe(12_345);
  });
});

describe("the list of runs", () => {
  const info = (runId: string, startTime: number, more: Partial<RunInfo> = {}): RunInfo => ({
    runId,
    generation: "g",
    state: "open",
    owned: true,
    traceIds: [],
    startTime,
    lastTime: startTime,
    events: 0,
    subscribers: 0,
    openSpans: 0,
    modelCalls: 0,
    toolCalls: 0,
    failedToolCalls: 0,
    inputTokens: 0,
    outputTokens: 0,
    ...more,
  });
  const ids = (list: RunList): string[] => list.found().map(({ runId }) => runId);

  it("has the newest first, and finds by id, name, outcome and trace", () => {
    const list = new RunList();
    list.replace([
      info("one", 1, { agentName: "guide", state: "closed", outcome: "failed" }),
      info("two", 2, { traceIds: ["abc123"] }),
    ]);
    expect(ids(list)).toEqual(["two", "one"]);
    for (const [text, found] of [
      ["guide failed", "one"],
      ["BC12", "two"],
      ["open", "two"],
    ] as const) {
      list.search(text);
      expect(ids(list)).toEqual([found]);
    }
  });

  it("follows events, and counts none twice that the list has already", () => {
    const list = new RunList();
    list.replace([info("r", 1000, { events: 2, toolCalls: 1 })]);
    const events = told([
      started("invocation", "a"),
      started("tool", "t"),
      failed("tool", "t", "no"),
      started("tool", "u"),
    ]);
    for (const event of events) list.add(event);
    expect(list.run("r")).toMatchObject({ events: 4, toolCalls: 2, failedToolCalls: 1 });
  });

  it("begins a run anew when it is opened, and ends it", () => {
    const list = new RunList();
    list.replace([info("r", 1, { events: 9, toolCalls: 4, state: "closed", outcome: "failed" })]);
    const [opened, , closed] = told([
      { type: "bus.run.opened", time: 5000 },
      started("invocation", "a"),
      { type: "bus.run.closed", time: 6000, data: { outcome: "completed" } },
    ]);
    if (opened) list.add(opened);
    expect(list.run("r")).toMatchObject({ state: "open", toolCalls: 0, startTime: 5000 });
    if (closed) list.add(closed);
    expect(list.run("r")).toMatchObject({ state: "closed", outcome: "completed", lastTime: 6000 });
  });
});

describe("a run", () => {
  it("remembers where events were lost, and why", () => {
    const view = viewOf(
      told([
        started("invocation", "a", undefined, { agentName: "guide" }, 1000),
        { type: "bus.gap", time: 9999, data: { missed: 12, reason: "lagged" } },
        completed("invocation", "a", {}, 2000),
      ]),
    );
    expect(view.losses).toMatchObject([{ time: 1000, words: "12 events are missing: this page read too slowly" }]);
    expect([view.agentName, view.startTime, view.lastTime]).toEqual(["guide", 1000, 2000]);
  });
});

describe("text from outside", () => {
  const shown = (text: string): string =>
    piecesOf(text)
      .map((piece) => (piece.isMark ? `[${piece.text}]` : piece.text))
      .join("");

  it.each([
    ["plain <b>text</b> & more", "plain <b>text</b> & more"],
    ["a\u202Eb", "a[U+202E]b"],
    ["\u2066x\u2069\u200f", "[U+2066]x[U+2069][U+200F]"],
    ["\x1b[31mred\x1b[0m", "[ESC[31m]red[ESC[0m]"],
    ["\x1b]8;;https://evil.example\x07link", "[ESC]8;;https://evil.example]link"],
    ["\x1b", "[ESC]"],
    ["nul\0 bell\x07 del\x7f c1\x9b", "nul[U+0000] bell[U+0007] del[U+007F] c1[U+009B]"],
    ["zero\u200bwidth\ufeff\u2060", "zero[U+200B]width[U+FEFF][U+2060]"],
    ["half \ud800 of a pair", "half [U+D800] of a pair"],
    ["tag\u{e0041}", "tag[U+E0041]"],
    ["two\nlines\tand tab", "two\nlines\tand tab"],
    ["שלום 👩‍👩‍👧 é 日本", "שלום 👩‍👩‍👧 é 日本"],
    ["", ""],
  ])("%j is shown as %j", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it("is one short line in a label", () => {
    expect(plain(`two\nlines \u202e${"x".repeat(500)}`, 20)).toBe("two lines ⟨U+202E⟩xxxxxxxxx…");
  });
});

describe("words", () => {
  it.each([
    [0, "0 ms"],
    [3.14, "3.1 ms"],
    [840.4, "840 ms"],
    [999.7, "1.00 s"],
    [3420, "3.42 s"],
    [42_000, "42.0 s"],
    [59_970, "1 m 00 s"],
    [125_000, "2 m 05 s"],
    [3_840_000, "1 h 04 m"],
    [-5, "0 ms"],
    [Number.NaN, "–"],
  ])("%d ms is %s", (millis, expected) => {
    expect(duration(millis)).toBe(expected);
  });

  it("counts and bytes are short", () => {
    expect([0, 9999, 12_400, 120_000, 3_100_000].map(count)).toEqual(["0", "9999", "12.4k", "120k", "3.1M"]);
    expect([5, 12_400, 64_000_000].map(bytes)).toEqual(["5 B", "12.4 kB", "64 MB"]);
    expect([counted(1, "run"), counted(2, "run")]).toEqual(["1 run", "2 runs"]);
  });

  it.each([
    [started("tool", "t", undefined, { toolName: "search", arguments: '{"q":1}' }), 'search · {"q":1}'],
    [failed("tool", "t", "no answer"), "Error: no answer"],
    [{ type: "agent.tokens.used", data: { inputTokens: 10, outputTokens: 2 } }, "10 in, 2 out"],
    [{ type: "agent.handoff", data: { from: "a", to: "b" } }, "a → b"],
    [{ type: "bus.gap", data: { missed: 1, reason: "evicted" } }, "1 event is missing: no longer kept by the bus"],
    [{ type: "bus.gap", data: { missed: 0, reason: "sunspots" } }, "Events are missing: sunspots"],
    [{ type: "bus.gap", data: { missed: 0, reason: "cut" } }, "Events may be missing: the connection was lost"],
    [{ type: "bus.gap", data: { missed: 1, reason: "cut" } }, "1 event is missing: lost on the way"],
    [{ type: "bus.gap", data: { missed: 7, reason: "cut" } }, "7 events are missing: lost on the way"],
    [{ type: "tick", data: {} }, ""],
  ])("the summary of %j", (said, expected) => {
    const [event] = told([said]);
    expect(event && summaryOf(event)).toBe(expected);
  });
});

describe("an address", () => {
  it.each(["run-A", "a/b", "a b#c", "日本", "100%", "\u202e"])("leads to the run %j and back", (runId) => {
    expect(hasAddress(runId)).toBe(true);
    expect(placeOf(hashOf(runId))).toEqual({ kind: "run", runId });
  });

  it.each(["", "#", "#/"])("%j is where one begins", (hash) => {
    expect(placeOf(hash)).toEqual({ kind: "start" });
  });

  it.each(["#/runs/x", "#/run/", "#/run/%", "#/run/%E0%A4", "#/run/a/b", "#run/a"])("%j leads nowhere", (hash) => {
    expect(placeOf(hash)).toEqual({ kind: "nowhere" });
  });

  it.each(["half\ud800", "\udc00", "\ud83dx", ".", "..", "", "nul\0"])(
    "is made of %j, though it leads to no run",
    (runId) => {
      expect(hasAddress(runId)).toBe(false);
      expect(() => decodeURIComponent(hashOf(runId))).not.toThrow();
    },
  );
});

describe("time", () => {
  it("of the bus is known from what was published just now, not from what is replayed", () => {
    let here = 10_000;
    const clock = new BusClock(() => here);
    clock.heard(1000, false);
    expect(clock.now()).toBe(10_000);
    clock.heard(9000, true);
    expect(clock.now()).toBe(9000);
    here = 10_500;
    clock.heard(9700, true);
    expect(clock.now()).toBe(9700);
  });

  it("of the bus may be ahead", () => {
    const clock = new BusClock(() => 5000);
    clock.heard(8000, false);
    expect(clock.now()).toBe(8000);
  });

  it.each([
    [0, 1e308],
    [-1e308, 1e308],
    [1.7e12, Number.POSITIVE_INFINITY],
    [Number.NaN, 1],
    [5, -1e308],
  ])("has a scale with few places also from %d to %d", (from, to) => {
    for (const isOpen of [true, false]) {
      const { millis, ticks } = timeScale(from, to, isOpen);
      expect(Number.isFinite(millis)).toBe(true);
      expect(ticks.length).toBeLessThan(20);
    }
  });

  it("has a scale with room while the run goes on, and none when it is over", () => {
    expect(timeScale(100, 1100, true)).toEqual({ from: 100, millis: 1200, ticks: [0, 200, 400, 600, 800, 1000] });
    expect(timeScale(100, 1100, false)).toMatchObject({ millis: 1000, ticks: [0, 200, 400, 600, 800] });
    expect(timeScale(100, 100, false).millis).toBe(1);
  });
});

it("figures become lines, and counters rates", () => {
  const stats = new StatsHistory();
  for (const [index, published] of [10, 30, 5].entries()) {
    stats.add(index * 2000, { published, activeRuns: index } as unknown as BusStats);
  }
  expect(stats.line("activeRuns")).toEqual([0, 1, 2]);
  expect(stats.rate("published"), "a process that began anew counts from nothing").toEqual([10, 0]);
  for (let index = 0; index < 100; index += 1) stats.add(index, {} as BusStats);
  expect(stats.line("published")).toHaveLength(60);
});
