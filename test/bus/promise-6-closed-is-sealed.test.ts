import { type BusEvent, EventBus, type RunInfo } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import {
  generationOf,
  publishNote,
  publishNotes,
  range,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  shown,
  stopTheClock,
  taken,
} from "./support.js";

restoreAfterEach();

describe("a closed run", () => {
  it("takes no more events: they are refused and counted", async () => {
    const bus = new EventBus();
    const tapped: BusEvent[] = [];
    bus.tap((event) => tapped.push(event));
    const all = bus.subscribeGlobal();
    publishNotes(bus, "run", 1, 2);
    bus.closeStream("run");
    for (const type of ["note", "agent.model.chunk", "agent.tool.started"]) {
      expect(bus.publish({ runId: "run", type, spanId: "span", data: { text: "late" } })).toBeUndefined();
    }
    expect(bus.stats()).toMatchObject({ published: 2, refused: 3, activeRuns: 0 });
    expect(shown(bus.history("run"))).toEqual([1, 2]);
    expect(shown(tapped)).toEqual([1, 2]);
    expect(shown(await readWaiting(all))).toEqual(["bus.run.opened", 1, 2, "bus.run.closed"]);
    expect(bus.runs()).toMatchObject([{ runId: "run", state: "closed", events: 2 }]);
  });

  it("is closed once: the first outcome stays, and is told once", async () => {
    const bus = new EventBus();
    const closed: RunInfo[] = [];
    bus.tap({ closed: (run) => closed.push(run) });
    const all = bus.subscribeGlobal({ types: ["bus.run.closed"] });
    publishNote(bus, "run", 1);
    expect(bus.closeStream("run", "failed")).toBe(true);
    expect(bus.closeStream("run", "completed")).toBe(false);
    expect(bus.closeStream("run")).toBe(false);
    expect(bus.runs()).toMatchObject([{ outcome: "failed" }]);
    expect(closed).toMatchObject([{ runId: "run", state: "closed", outcome: "failed", events: 1 }]);
    expect((await readWaiting(all)).map(({ data }) => data)).toEqual([{ outcome: "failed" }]);
  });

  it("keeps its history", () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run");
    expect(shown(bus.history("run"))).toEqual([1, 2, 3]);
    expect(bus.stats()).toMatchObject({ retainedRuns: 1, historyEvents: 3 });
  });

  it("takes nothing from a tap that hears of its close", () => {
    const bus = new EventBus();
    const answers: unknown[] = [];
    bus.tap({ closed: ({ runId }) => answers.push(bus.publish({ runId, type: "last words" })) });
    publishNote(bus, "run", 1);
    bus.closeStream("run");
    expect(answers).toEqual([undefined]);
    expect(bus.stats()).toMatchObject({ published: 1, refused: 1 });
  });

  it("is sealed although it never had an event", () => {
    const bus = new EventBus();
    expect(bus.closeStream("run")).toBe(true);
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(bus.stats()).toMatchObject({ published: 0, refused: 1, activeRuns: 0, retainedRuns: 0 });
  });
});

describe("a run that is closed by who is told of its opening", () => {
  it("has the close as its last word: for taps, for readers of all runs, and for its own", async () => {
    const bus = new EventBus();
    const told: string[] = [];
    bus.tap({
      opened: ({ runId }) => {
        told.push("opened");
        bus.closeStream(runId);
      },
      event: ({ type }) => void told.push(type),
      closed: () => void told.push("closed"),
    });
    const all = bus.subscribeGlobal();
    const reader = bus.subscribe("run");
    bus.publish({ runId: "run", type: "note", data: { n: 1 } });
    expect(told.at(-1)).toBe("closed");
    expect(shown(await readWaiting(all)).at(-1)).toBe("bus.run.closed");
    const got = await readToEnd(reader);
    expect(shown(bus.history("run")), "what its reader got is what is kept").toEqual(shown(got));
    expect((await reader.ended).reason).toBe("closed");
  });

  it("and dropped leaves nothing behind", () => {
    const bus = new EventBus();
    bus.tap({ opened: ({ runId }) => void bus.dropHistory(runId) });
    bus.publish({ runId: "run", type: "note" });
    expect(bus.stats()).toMatchObject({ activeRuns: 0, retainedRuns: 0, historyEvents: 0, historyBytes: 0 });
    expect(bus.runs()).toEqual([]);
  });
});

describe("a tap", () => {
  it("hears of an end that nobody asked for with why", () => {
    stopTheClock();
    const bus = new EventBus({ idleTimeoutMillis: 1000 });
    const outcomes: unknown[] = [];
    bus.tap({ closed: ({ outcome }) => outcomes.push(outcome) });
    publishNote(bus, "run", 1);
    vi.advanceTimersByTime(1000);
    expect(outcomes).toEqual(["idle"]);
  });

  it("hears of each run once that it begins, before its first event, and once that it is over", () => {
    const bus = new EventBus();
    const told: unknown[] = [];
    bus.tap({
      opened: ({ runId, state, events }) => told.push(["opened", runId, state, events]),
      event: ({ runId, seq }) => told.push([runId, seq]),
      closed: ({ runId, state, outcome }) => told.push(["closed", runId, state, outcome]),
    });
    publishNotes(bus, "run", 1, 2);
    bus.closeStream("run", "failed");
    bus.dropHistory("run");
    publishNote(bus, "run", 1);
    bus.dropHistory("run");
    expect(told).toEqual([
      ["opened", "run", "open", 1],
      ["run", 1],
      ["run", 2],
      ["closed", "run", "closed", "failed"],
      ["opened", "run", "open", 1],
      ["run", 1],
      ["closed", "run", "closed", "unknown"],
    ]);
  });
});

describe("closing an id that was never seen", () => {
  it("is remembered: true once, then false, and a later reader ends", async () => {
    const bus = new EventBus();
    expect(bus.closeStream("run", "cancelled")).toBe(true);
    expect(bus.closeStream("run")).toBe(false);
    const reader = bus.subscribe("run");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "cancelled" });
    expect(bus.runs()).toEqual([]);
  });

  it("is remembered of the newest 1000 ids, no more", () => {
    const bus = new EventBus();
    for (const n of range(1, 1000)) bus.closeStream(`run-${n}`);
    expect(bus.closeStream("run-1")).toBe(false);
    bus.closeStream("run-1001");
    expect(bus.closeStream("run-2")).toBe(false);
    expect(bus.publish({ runId: "run-1", type: "note" }), "the oldest is forgotten").toBeDefined();
    expect(bus.publish({ runId: "run-2", type: "note" })).toBeUndefined();
  });

  it("is not forgotten because other runs are closed, kept and dropped", () => {
    const bus = new EventBus();
    bus.closeStream("remembered");
    bus.tap({ closed: ({ runId }) => void bus.dropHistory(runId) });
    for (const n of range(1, 1500)) {
      publishNote(bus, `run-${n}`, n);
      bus.closeStream(`run-${n}`);
    }
    expect(bus.stats()).toMatchObject({ activeRuns: 0, retainedRuns: 0, historyEvents: 0 });
    expect(bus.closeStream("remembered")).toBe(false);
  });
});

describe("`dropHistory`", () => {
  it("forgets the run and its seal: the next event opens a new generation", async () => {
    const bus = new EventBus();
    const old = publishNotes(bus, "run", 1, 3);
    bus.closeStream("run");
    expect(bus.dropHistory("run")).toBe(true);
    expect(bus.history("run")).toEqual([]);
    expect(bus.runs()).toEqual([]);
    const next = publishNote(bus, "run", 4);
    expect(next.seq).toBe(1);
    expect(generationOf(next)).not.toBe(generationOf(taken(old[0])));
    expect(shown(await readWaiting(bus.subscribe("run")))).toEqual([4]);
  });

  it("forgets a seal without events, too", () => {
    const bus = new EventBus();
    bus.closeStream("run");
    expect(bus.dropHistory("run")).toBe(true);
    expect(bus.publish({ runId: "run", type: "note" })).toBeDefined();
  });

  it("of an open run is the end of that generation, told as such", async () => {
    const bus = new EventBus();
    const all = bus.subscribeGlobal();
    const old = publishNote(bus, "run", 1);
    expect(bus.dropHistory("run")).toBe(true);
    expect(bus.stats().activeRuns).toBe(0);
    const next = publishNote(bus, "run", 2);
    expect(generationOf(next)).not.toBe(generationOf(old));
    expect(shown(await readWaiting(all))).toEqual(["bus.run.opened", 1, "bus.run.closed", "bus.run.opened", 2]);
  });

  it("is false for what is not known, also a second time", () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    expect(bus.dropHistory("unknown")).toBe(false);
    expect(bus.dropHistory("run")).toBe(true);
    expect(bus.dropHistory("run")).toBe(false);
  });

  it("leaves a reader who waits for a run that has not begun", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    expect(bus.dropHistory("run")).toBe(false);
    publishNote(bus, "run", 1);
    expect(shown(await readWaiting(reader))).toEqual([1]);
  });
});

describe("the begin and the end of a run on the global stream", () => {
  it("have the ids of what is before its first event, and of its last", async () => {
    const bus = new EventBus();
    const reader = bus.subscribeGlobal();
    const event = publishNote(bus, "run", 1);
    bus.closeStream("run");
    const [opened, , closed] = await readWaiting(reader);
    expect(opened).toMatchObject({ type: "bus.run.opened", id: `${generationOf(event)}.0` });
    expect(closed).toMatchObject({ type: "bus.run.closed", id: event.id });
  });
});

describe("generations", () => {
  it("are unique across runs, buses and what came before", () => {
    const generations = new Set<string>();
    for (const bus of [new EventBus(), new EventBus()]) {
      for (const n of range(1, 20)) {
        generations.add(generationOf(publishNote(bus, `run-${n % 5}`, n)));
        bus.dropHistory(`run-${n % 5}`);
      }
    }
    expect(generations.size).toBe(40);
  });

  it("count their events from 1, and an id names one event for ever", () => {
    const bus = new EventBus();
    const events = range(1, 3).flatMap(() => {
      const some = publishNotes(bus, "run", 1, 3);
      bus.dropHistory("run");
      return some;
    });
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(9);
    for (const { id, seq } of events) expect(id).toMatch(new RegExp(`^[0-9a-z-]+\\.${seq}$`));
  });

  it("do not mix: a reader of the dropped one gets nothing of the next", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run", { after: "live" });
    bus.dropHistory("run");
    publishNote(bus, "run", 2);
    expect(await readToEnd(reader)).toEqual([]);
  });
});

describe("`runs`", () => {
  it("lists open runs and runs with history, newest activity first", () => {
    const bus = new EventBus();
    for (const runId of ["a", "b", "c"]) publishNote(bus, runId, 1);
    bus.closeStream("b", "completed");
    publishNote(bus, "a", 2);
    expect(bus.runs().map(({ runId, state, outcome }) => [runId, state, outcome])).toEqual([
      ["a", "open", undefined],
      ["c", "open", undefined],
      ["b", "closed", "completed"],
    ]);
  });

  it("tells of each what its events add up to", () => {
    const bus = new EventBus();
    const traceId = "a".repeat(32);
    bus.publish({ runId: "run", type: "agent.invocation.started", time: 5, traceId, data: { agentName: "Ada" } });
    bus.publish({ runId: "run", type: "agent.model.started", time: 6, data: { agentName: "Bob" } });
    bus.publish({ runId: "run", type: "agent.tokens.used", time: 7, data: { inputTokens: 5, outputTokens: 2 } });
    bus.publish({ runId: "run", type: "agent.tokens.used", time: 7, data: { inputTokens: 1, outputTokens: -4 } });
    bus.publish({ runId: "run", type: "agent.tool.started", time: 8, data: { conversationId: "c-1" } });
    bus.publish({ runId: "run", type: "agent.tool.failed", time: 9.5 });
    const reader = bus.subscribe("run");
    expect(bus.runs()).toEqual([
      {
        runId: "run",
        generation: generationOf(taken(bus.history("run")[0])),
        state: "open",
        owned: true,
        agentName: "Ada",
        conversationId: "c-1",
        traceIds: [traceId],
        startTime: 5,
        lastTime: 9.5,
        events: 6,
        subscribers: 1,
        openSpans: 0,
        modelCalls: 1,
        toolCalls: 1,
        failedToolCalls: 1,
        inputTokens: 6,
        outputTokens: 2,
      },
    ]);
    expect(bus.runOf(traceId)).toBe("run");
    expect(bus.runOf("b".repeat(32))).toBeUndefined();
    expect(bus.runInfo("run")).toEqual(bus.runs()[0]);
    reader.close();
  });

  it("says only what is known of a run", () => {
    const bus = new EventBus();
    bus.publish({ runId: "run", type: "note", data: { agentName: 5, conversationId: ["c"] } });
    const all = ["runId", "generation", "state", "owned", "traceIds", "startTime", "lastTime", "events", "subscribers"];
    const sums = ["openSpans", "modelCalls", "toolCalls", "failedToolCalls", "inputTokens", "outputTokens"];
    expect(Object.keys(bus.runInfo("run") ?? {}).sort()).toEqual([...all, ...sums].sort());
  });

  it.each(["7", -7, 0, Number.NaN, null])("counts no tokens that are %j", (tokens) => {
    const bus = new EventBus();
    bus.publish({ runId: "run", type: "agent.tokens.used", data: { inputTokens: 2, outputTokens: tokens } });
    expect(bus.runInfo("run")).toMatchObject({ inputTokens: 2, outputTokens: 0 });
  });

  it("counts what its first event counts, too", () => {
    const bus = new EventBus();
    bus.publish({ runId: "run", type: "agent.model.started" });
    expect(bus.runInfo("run")?.modelCalls).toBe(1);
  });

  it("leaves out closed runs of which nothing is kept", () => {
    const bus = new EventBus({ maxRuns: 1 });
    publishNote(bus, "closed", 1);
    bus.closeStream("closed");
    publishNote(bus, "open", 1);
    publishNote(bus, "newer", 1);
    expect(bus.runs().map(({ runId }) => runId)).toEqual(["newer", "open"]);
    expect(bus.runInfo("closed")).toMatchObject({ state: "closed", events: 1 });
  });

  it("tells nothing of a run that nobody knows, or that only readers wait for", () => {
    const bus = new EventBus();
    bus.subscribe("awaited");
    expect([bus.runInfo("awaited"), bus.runInfo("unknown"), bus.runs()]).toEqual([undefined, undefined, []]);
  });

  it("of one trace are told apart by which was active last", () => {
    stopTheClock();
    const bus = new EventBus();
    const traceId = "a".repeat(32);
    for (const runId of ["first", "second", "third", "first"]) {
      bus.publish({ runId, type: "note", traceId });
      vi.advanceTimersByTime(1);
      expect(bus.runOf(traceId)).toBe(runId);
    }
  });
});
