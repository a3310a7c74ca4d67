import { type Attributes, type Context, context, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import { BasicTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { BusEvent, EventBus, GlobalSubscribeOptions, RunInfo, RunStanding, SubscribeOptions } from "spanbus";
import { runContext } from "spanbus";
import type { ReadableBus } from "spanbus/http";
import { createHandler } from "spanbus/http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  dataOf,
  generationOf,
  isOfType,
  publishNote,
  publishNotes,
  range,
  read,
  readOne,
  readToEnd,
  shown,
  typesOf,
} from "../bus/support.js";

/** A bus that events go into, and what they are read from: the bus itself, or another process's view of it. */
export interface Stage {
  readonly bus: EventBus;
  readonly source: ReadableBus;
  /** Waits until everything that was published can be read. */
  arrived(): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly historyPerRun?: number;
  readonly maxQueueSize?: number;
}

/** What subscribing promises, whatever stands between publisher and reader. */
export function describeContract(open: (options?: StageOptions) => Promise<Stage>): void {
  let stage: Stage;
  const stages: Stage[] = [];
  const staged = async (options?: StageOptions): Promise<Stage> => {
    stage = await open(options);
    stages.push(stage);
    return stage;
  };
  beforeEach(async () => {
    await staged();
  });
  afterEach(async () => {
    for (const each of stages.splice(0)) await each.close();
  });

  const subscribe = async (runId: string, options?: SubscribeOptions) => {
    const reader = stage.source.subscribe(runId, options);
    await reader.attached;
    return reader;
  };
  const subscribeGlobal = async (options?: GlobalSubscribeOptions) => {
    const reader = stage.source.subscribeGlobal(options);
    await reader.attached;
    return reader;
  };
  const runInfo = async (runId: string): Promise<RunInfo | undefined> =>
    (await stage.source.runs()).find((run) => run.runId === runId);
  const standing = async (runId: string, generation?: string): Promise<RunStanding | undefined> =>
    stage.source.standing(runId, generation);

  describe("a reader of one run", () => {
    it("gets what is kept, then what is published, then the end", async () => {
      publishNotes(stage.bus, "r", 1, 5);
      await stage.arrived();
      const reader = await subscribe("r");
      expect([reader.size, reader.caughtUp]).toEqual([5, false]);
      publishNotes(stage.bus, "r", 6, 9);
      stage.bus.closeStream("r", "completed");
      expect(shown(await readToEnd(reader))).toEqual(range(1, 9));
      expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
    });

    it("gets events as they were published, frozen, numbered without a hole", async () => {
      stage.bus.publish({
        runId: "r",
        type: "agent.tool.started",
        time: 1234.5,
        traceId: "a".repeat(32),
        spanId: "b".repeat(16),
        data: { toolName: "zażółć 🦜", nested: { list: [1, null, "x"] } },
        attributes: { a: 1 },
      });
      publishNotes(stage.bus, "r", 2, 3);
      await stage.arrived();
      const [first, ...rest] = await read(await subscribe("r"), 3);
      expect(first).toMatchObject({
        runId: "r",
        seq: 1,
        type: "agent.tool.started",
        time: 1234.5,
        traceId: "a".repeat(32),
        spanId: "b".repeat(16),
        data: { toolName: "zażółć 🦜", nested: { list: [1, null, "x"] } },
        attributes: { a: 1 },
      });
      expect(Object.isFrozen(first?.data)).toBe(true);
      expect(rest.map(({ seq }) => seq)).toEqual([2, 3]);
      expect(new Set([first, ...rest].map((event) => generationOf(event as BusEvent))).size).toBe(1);
    });

    it("waits for a run that nobody knows yet", async () => {
      const reader = await subscribe("later");
      expect([reader.size, reader.caughtUp]).toEqual([0, true]);
      const first = readOne(reader);
      publishNote(stage.bus, "later", 1);
      expect(shown([await first])).toEqual([1]);
      reader.close();
      expect(await reader.ended).toEqual({ reason: "returned" });
    });

    it("of a run that is closed gets the history, then the end", async () => {
      publishNotes(stage.bus, "r", 1, 3);
      stage.bus.closeStream("r", "failed");
      await stage.arrived();
      const reader = await subscribe("r");
      expect(shown(await readToEnd(reader))).toEqual([1, 2, 3]);
      expect(await reader.ended).toEqual({ reason: "closed", outcome: "failed" });
    });

    it("resumes behind any event, without loss and without a repetition", async () => {
      publishNotes(stage.bus, "r", 1, 6);
      await stage.arrived();
      const all = await read(await subscribe("r"), 6);
      for (const event of all) {
        const reader = await subscribe("r", { after: event.id });
        const rest = all.length - (event.seq ?? 0);
        expect(shown(await read(reader, rest))).toEqual(range((event.seq ?? 0) + 1, 6));
        expect(reader.caughtUp).toBe(true);
        reader.close();
      }
      const reader = await subscribe("r", { after: all.at(-1)?.id ?? "" });
      expect(reader.size).toBe(0);
      publishNote(stage.bus, "r", 7);
      expect(shown([await readOne(reader)])).toEqual([7]);
      expect(reader.lastId?.endsWith(".7")).toBe(true);
    });

    it("with `live` gets only what is published from then on", async () => {
      publishNotes(stage.bus, "r", 1, 3);
      await stage.arrived();
      const reader = await subscribe("r", { after: "live" });
      expect(reader.lastId).toBeUndefined();
      publishNote(stage.bus, "r", 4);
      expect(shown([await readOne(reader)])).toEqual([4]);
    });

    it("is told what is no longer kept", async () => {
      await staged({ historyPerRun: 3 });
      publishNote(stage.bus, "r", 1);
      await stage.arrived();
      const { id } = await readOne(await subscribe("r"));
      publishNotes(stage.bus, "r", 2, 9);
      await stage.arrived();
      const events = await read(await subscribe("r", { after: id }), 4);
      expect(shown(events)).toEqual(["gap 5", 7, 8, 9]);
      expect(dataOf(events[0])).toEqual({ missed: 5, reason: "evicted", resumeAfter: id });
    });

    it("is told that its cursor cannot be placed, and gets everything", async () => {
      publishNotes(stage.bus, "r", 1, 2);
      await stage.arrived();
      const [{ id }] = (await read(await subscribe("r"), 2)) as [BusEvent, BusEvent];
      const beyond = `${id.slice(0, id.lastIndexOf("."))}.99`;
      for (const after of ["another.1", "no cursor at all", beyond]) {
        const events = await read(await subscribe("r", { after }), 3);
        expect(shown(events)).toEqual(["gap 0", 1, 2]);
        expect(dataOf(events[0])).toMatchObject({ reason: "generation", resumeAfter: after });
      }
    });

    it("that is slow loses its oldest events, and is told how many", async () => {
      await staged({ maxQueueSize: 4 });
      const reader = await subscribe("r");
      publishNotes(stage.bus, "r", 1, 10);
      stage.bus.closeStream("r");
      await stage.arrived();
      await until(() => reader.dropped === 6);
      const events = await readToEnd(reader);
      expect(shown(events)).toEqual(["gap 6", 7, 8, 9, 10]);
      expect(dataOf(events[0])).toMatchObject({ missed: 6, reason: "lagged" });
    });

    it("never loses replay to its own limit", async () => {
      await staged({ maxQueueSize: 4 });
      publishNotes(stage.bus, "r", 1, 100);
      await stage.arrived();
      expect(shown(await read(await subscribe("r"), 100))).toEqual(range(1, 100));
    });

    it("gets only the types and events that it asked for", async () => {
      publishNote(stage.bus, "r", 1, "a.one");
      publishNote(stage.bus, "r", 2, "b");
      await stage.arrived();
      const ofType = await subscribe("r", { types: ["a.*"] });
      const where = await subscribe("r", { where: isOfType("b") });
      publishNote(stage.bus, "r", 3, "b");
      publishNote(stage.bus, "r", 4, "a.two");
      stage.bus.closeStream("r");
      expect(shown(await readToEnd(ofType))).toEqual([1, 4]);
      expect(shown(await readToEnd(where))).toEqual([2, 3]);
    });

    it("does not see what is not kept, unless it is there", async () => {
      const live = await subscribe("r");
      publishNote(stage.bus, "r", 1);
      publishNote(stage.bus, "r", 2, "transient");
      publishNote(stage.bus, "r", 3);
      expect(shown(await read(live, 3))).toEqual([1, 2, 3]);
      await stage.arrived();
      expect(shown(await read(await subscribe("r"), 2))).toEqual([1, 3]);
    });

    it("takes everything that waits at once", async () => {
      publishNotes(stage.bus, "r", 1, 5);
      await stage.arrived();
      const reader = await subscribe("r");
      const { value } = await reader.batches().next();
      expect(shown(value ?? [])).toEqual(range(1, 5));
    });

    it("leaves by its signal, by `break` and by `return`", async () => {
      publishNote(stage.bus, "r", 1);
      await stage.arrived();
      const abort = new AbortController();
      const aborted = await subscribe("r", { signal: abort.signal });
      const waiting = readToEnd(aborted);
      abort.abort();
      await waiting;
      expect(await aborted.ended).toEqual({ reason: "aborted" });

      const broken = await subscribe("r");
      for await (const _event of broken) break;
      expect(await broken.ended).toEqual({ reason: "returned" });

      const early = stage.source.subscribe("r", { signal: AbortSignal.abort() });
      expect(await readToEnd(early)).toEqual([]);
      expect(await early.ended).toEqual({ reason: "aborted" });
      const left = stage.source.subscribe("r");
      left.close();
      expect(await left.next()).toEqual({ done: true, value: undefined });
      expect(await left.ended).toEqual({ reason: "returned" });
    });

    it("ends as `idle` when nothing comes", async () => {
      const reader = await subscribe("quiet", { idleTimeoutMillis: 20 });
      expect(await readToEnd(reader)).toEqual([]);
      expect(await reader.ended).toEqual({ reason: "idle" });
    });

    it("reads as one of many, all of them the same", async () => {
      publishNotes(stage.bus, "r", 1, 20);
      const readers = Array.from({ length: 30 }, () => stage.source.subscribe("r"));
      publishNotes(stage.bus, "r", 21, 40);
      stage.bus.closeStream("r");
      for (const reader of readers) expect(shown(await readToEnd(reader))).toEqual(range(1, 40));
      expect((await stage.source.stats()).runSubscribers).toBe(0);
    });

    it("refuses what it cannot take", () => {
      expect(() => stage.source.subscribe("")).toThrow("`runId` must be 1 to 256 characters");
      expect(() => stage.source.subscribe("r", { types: ["*"] })).toThrow("`types` must be exact names or prefixes");
      expect(() => stage.source.subscribeGlobal({ idleTimeoutMillis: 0 })).toThrow("`idleTimeoutMillis` must be");
    });
  });

  describe("a run", () => {
    it("is sealed by its close, and its next life is another generation", async () => {
      await stage.bus.run("r", async () => {
        stage.bus.emit("note", { n: 1 });
      });
      await stage.arrived();
      const [first] = await readToEnd(await subscribe("r"));
      expect(stage.bus.publish({ runId: "r", type: "note" })).toBeUndefined();
      await stage.bus.run("r", async () => {
        stage.bus.emit("note", { n: 2 });
      });
      await stage.arrived();
      const [second] = await readToEnd(await subscribe("r"));
      expect(shown([first, second] as BusEvent[])).toEqual([1, 2]);
      expect(generationOf(first as BusEvent)).not.toBe(generationOf(second as BusEvent));
      expect(second?.seq).toBe(1);
      const events = await readToEnd(await subscribe("r", { after: first?.id ?? "" }));
      expect(shown(events)).toEqual(["gap 0", 2]);
      expect(await standing("r", generationOf(first as BusEvent))).toEqual({
        generation: generationOf(first as BusEvent),
        state: "closed",
        lastId: first?.id,
        end: { reason: "closed", outcome: "unknown" },
      });
    });

    it("is listed with what its events say", async () => {
      const { bus } = stage;
      bus.publish({ runId: "r", type: "agent.invocation.started", time: 1000, data: { agentName: "ada" } });
      bus.publish({ runId: "r", type: "agent.model.started", time: 2000, traceId: "t1" });
      bus.publish({ runId: "r", type: "agent.tokens.used", time: 3000, data: { inputTokens: 7, outputTokens: 2 } });
      bus.publish({ runId: "other", type: "note" });
      await stage.arrived();
      expect((await stage.source.runs()).map(({ runId }) => runId).sort()).toEqual(["other", "r"]);
      expect(await runInfo("r")).toMatchObject({
        runId: "r",
        state: "open",
        agentName: "ada",
        traceIds: ["t1"],
        startTime: 1000,
        lastTime: 3000,
        events: 3,
        modelCalls: 1,
        inputTokens: 7,
        outputTokens: 2,
      });
      expect(await standing("r")).toMatchObject({ state: "open", lastId: expect.stringMatching(/\.3$/) });
      expect(await standing("nobody")).toBeUndefined();
      bus.closeStream("r", "cancelled");
      await stage.arrived();
      expect(await runInfo("r")).toMatchObject({ state: "closed", outcome: "cancelled" });
      expect(await standing("r")).toMatchObject({ state: "closed", end: { reason: "closed", outcome: "cancelled" } });
    });

    it("is listed with the same totals as on the bus, spans within spans counted once", async () => {
      const provider = new BasicTracerProvider({ spanProcessors: [stage.bus as SpanProcessor & EventBus] });
      const tracer = provider.getTracer("app");
      const start = (operation: string, under: Context, more: Attributes = {}): readonly [Span, Context] => {
        const attributes = { "gen_ai.operation.name": operation, ...more };
        const span = tracer.startSpan(operation, { attributes }, under);
        return [span, trace.setSpan(under, span)];
      };
      const compare = async (): Promise<RunInfo | undefined> => {
        await stage.bus.forceFlush();
        await stage.arrived();
        const [local, seen] = [stage.bus.runInfo("r"), await runInfo("r")];
        const { generation: _, subscribers: __, owned: ___, ...rest } = local ?? ({} as RunInfo);
        expect(seen).toMatchObject(rest);
        return seen;
      };
      await runContext("r", async () => {
        const [agent, inAgent] = start("invoke_agent", context.active(), { "gen_ai.agent.name": "ada" });
        const [wrapper, inWrapper] = start("chat", inAgent, { "gen_ai.request.model": "gpt" });
        const used = { "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 2 };
        const [model] = start("chat", inWrapper, { "gen_ai.request.model": "gpt", ...used });
        expect(await compare()).toMatchObject({ agentName: "ada", openSpans: 3, modelCalls: 1 });
        model.end();
        wrapper.end();
        const [tool] = start("execute_tool", inAgent, { "gen_ai.tool.name": "t" });
        tool.setStatus({ code: SpanStatusCode.ERROR });
        tool.end();
        expect(await compare()).toMatchObject({ openSpans: 1, modelCalls: 1, toolCalls: 1, failedToolCalls: 1 });
        agent.end();
      });
      stage.bus.closeStream("r", "completed");
      const totals = { openSpans: 0, inputTokens: 7, outputTokens: 2, state: "closed", outcome: "completed" };
      expect(await compare()).toMatchObject(totals);
    });

    it.each(["{curly}", "}", "{", "100%", "a b/ü🦜", "*?[x]", "x".repeat(256)])("may be called %j", async (runId) => {
      const all = await subscribeGlobal();
      publishNote(stage.bus, runId, 1);
      await stage.arrived();
      const reader = await subscribe(runId);
      publishNote(stage.bus, runId, 2);
      stage.bus.closeStream(runId);
      const events = await readToEnd(reader);
      expect(shown(events)).toEqual([1, 2]);
      expect(events[0]?.runId).toBe(runId);
      await stage.arrived();
      expect((await runInfo(runId))?.runId).toBe(runId);
      expect(new Set((await read(all, 4)).map((event) => event.runId))).toEqual(new Set([runId]));
    });

    it("has a history of which a part can be asked for", async () => {
      publishNotes(stage.bus, "r", 1, 5);
      await stage.arrived();
      const all = await stage.source.history("r");
      expect(shown(all)).toEqual(range(1, 5));
      expect(shown(await stage.source.history("r", { limit: 2 }))).toEqual([4, 5]);
      const after = all[1]?.id ?? "";
      expect(shown(await stage.source.history("r", { after }))).toEqual([3, 4, 5]);
      expect(shown(await stage.source.history("r", { after, limit: 1 }))).toEqual([3]);
      expect(await stage.source.history("nobody")).toEqual([]);
    });

    it("is shown as it stands, with what is kept, in one answer", async () => {
      publishNotes(stage.bus, "r", 1, 3);
      stage.bus.closeStream("r", "cancelled");
      await stage.arrived();
      const { events = [], ...stands } = (await stage.source.snapshot("r")) ?? {};
      expect(shown(events)).toEqual([1, 2, 3]);
      expect(stands).toEqual(await standing("r"));
      const after = events[0]?.id;
      expect((await stage.source.snapshot("r", { after }))?.events).toEqual(events.slice(1));
      expect((await stage.source.snapshot("r", { after, limit: 1 }))?.events).toEqual(events.slice(1, 2));
      expect((await stage.source.snapshot("r", { limit: 1 }))?.events).toEqual(events.slice(2));
      expect((await stage.source.snapshot("r", { after: "live" }))?.events).toEqual([]);
      expect(await stage.source.snapshot("nobody")).toBeUndefined();
    });
  });

  describe("a reader of all runs", () => {
    it("sees them begin, go on and end", async () => {
      const reader = await subscribeGlobal();
      // Of two runs each is told in its order; that of both together is promised by nobody.
      publishNote(stage.bus, "a", 1);
      const events = await read(reader, 2);
      publishNote(stage.bus, "b", 2);
      events.push(...(await read(reader, 2)));
      stage.bus.closeStream("a", "completed");
      events.push(await readOne(reader));
      expect(events.map(({ runId, type }) => `${runId} ${type}`)).toEqual([
        "a bus.run.opened",
        "a note",
        "b bus.run.opened",
        "b note",
        "a bus.run.closed",
      ]);
      expect(dataOf(events[4])).toEqual({ outcome: "completed" });
    });

    it("gets only what it asked for", async () => {
      const reader = await subscribeGlobal({ types: ["bus.run.closed"] });
      publishNote(stage.bus, "a", 1);
      stage.bus.closeStream("a");
      expect(typesOf([await readOne(reader)])).toEqual(["bus.run.closed"]);
    });
  });

  describe("over HTTP", () => {
    const ask = (path: string, init?: RequestInit) =>
      createHandler(stage.source, { authorize: () => true, basePath: "/" })(new Request(`http://bus${path}`, init));

    it("a run is read to its end, and its cursor is then answered with 204", async () => {
      publishNotes(stage.bus, "r", 1, 2);
      stage.bus.closeStream("r", "completed");
      await stage.arrived();
      const text = await (await ask("/runs/r/events")).text();
      const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
      expect(text).toContain("event: caught-up");
      expect(text).toContain('event: end\ndata: {"reason":"closed","outcome":"completed"}');
      const response = await ask(`/runs/r/events?after=${ids.at(-1)}`);
      expect([response.status, response.headers.get("spanbus-outcome")]).toEqual([204, "completed"]);
    });

    it("lists, histories and figures are answered", async () => {
      publishNotes(stage.bus, "r", 1, 2);
      await stage.arrived();
      expect(await (await ask("/runs")).json()).toMatchObject({ runs: [{ runId: "r", events: 2 }] });
      expect(await (await ask("/runs/r")).json()).toMatchObject({
        runId: "r",
        state: "open",
        events: [{}, {}],
      });
      expect(await (await ask("/stats")).json()).toMatchObject({ dropped: 0 });
      expect((await ask("/runs/nobody/events?wait=false")).status).toBe(404);
    });
  });
}

/** Waits for what no event tells. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
