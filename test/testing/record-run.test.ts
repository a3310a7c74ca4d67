import { trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { recordRun } from "spanbus/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { withContextManager } from "../otel/support.js";

withContextManager();

let bus: EventBus;
const tracer = () => new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("test");
const operation = (name: string) => ({ attributes: { "gen_ai.operation.name": name, "gen_ai.tool.name": "look" } });
beforeEach(() => {
  bus = new EventBus();
  return () => {
    trace.disable();
    return bus.shutdown();
  };
});

describe("recordRun gives", () => {
  it("what a function did, its result, and how that ended", async () => {
    const run = await recordRun(bus, async () => {
      await tracer().startActiveSpan("invoke_agent", operation("invoke_agent"), async (agent) => {
        tracer().startSpan("execute_tool", operation("execute_tool")).end();
        agent.end();
      });
      return 42;
    });
    expect(run).toMatchObject({ result: 42, error: undefined, outcome: "completed" });
    expect(run.events.map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "agent.tool.started",
      "agent.tool.completed",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(new Set(run.events.map(({ runId }) => runId))).toEqual(new Set([run.runId]));
  });

  it("the error of a function that throws, at once or later, and a run that failed", async () => {
    const broken = new Error("broken");
    const throws = () => {
      throw broken;
    };
    for (const fn of [throws, () => Promise.reject(broken)]) {
      expect(await recordRun(bus, fn)).toMatchObject({ error: broken, result: undefined, outcome: "failed" });
    }
  });

  it("one run also where its id was that of another before", async () => {
    const agent = () => tracer().startSpan("invoke_agent", operation("invoke_agent"));
    const fails = () => {
      agent().end();
      throw new Error("broken");
    };
    expect(await recordRun(bus, fails, { runId: "r" })).toMatchObject({ outcome: "failed" });
    const again = await recordRun(bus, () => void setTimeout((span) => span.end(), 5, agent()), { runId: "r" });
    expect(again.outcome).toBe("completed");
    expect(again.events.map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    const open = () => void agent();
    await expect(recordRun(bus, open, { runId: "r", timeoutMillis: 20 })).rejects.toThrow(/did not end within 20 ms/);
  });

  it("spans that end after the function has settled", async () => {
    const run = await recordRun(bus, () => {
      const late = tracer().startSpan("execute_tool", operation("execute_tool"));
      setImmediate(() => late.end());
    });
    expect(run.events.map(({ type }) => type)).toEqual(["agent.tool.started", "agent.tool.completed"]);
  });

  it("what happens in runs begun inside, and nothing of those beside", async () => {
    const [run] = await Promise.all([
      recordRun(bus, () => bus.run("inner", () => void bus.emit("mine"))),
      bus.run("beside", async () => void bus.emit("theirs")),
    ]);
    expect(run.events.map(({ runId, type }) => [runId, String(type)])).toEqual([["inner", "mine"]]);
  });

  it("every event, however many come at once", async () => {
    const run = await recordRun(bus, () => {
      for (let n = 0; n < 3000; n += 1) bus.emit("tick");
    });
    expect(run.events).toHaveLength(3000);
  });

  it("the chosen id to the function", async () => {
    const run = await recordRun(bus, (runId) => runId, { runId: "mine" });
    expect(run).toMatchObject({ runId: "mine", result: "mine", outcome: "unknown" });
  });
});

it("a run that goes on behind its function is told, with what is open", async () => {
  const recording = recordRun(bus, () => void tracer().startSpan("execute_tool", operation("execute_tool")), {
    timeoutMillis: 20,
  });
  await expect(recording).rejects.toThrow(
    "the run did not end within 20 ms after its function had settled: a span of it is still open. " +
      "Was a stream not read to its end?\n\nThe run did:\n  … tool look",
  );
  expect(bus.stats().runSubscribers).toBe(0);
});

it.each([
  [() => recordRun({} as never, () => {}), "`bus` must be an event bus, got [object Object]"],
  [() => recordRun(bus, undefined as never), "`fn` must be a function, got undefined"],
  [() => recordRun(bus, () => {}, { timeoutMillis: 0 }), "`timeoutMillis` must be a positive integer, got 0"],
  [
    () => recordRun(bus, () => {}, { runId: "" }),
    '`runId` must be 1 to 256 characters without control characters, got ""',
  ],
])("a mistake is told: %#", async (call, message) => {
  await expect(call()).rejects.toThrow(message);
});
