import { context, propagation, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-base";
import { currentRunId, resetEventBus, runContext, setEventBus } from "spanbus";
import type { Convention } from "spanbus/conventions";
import { describe, expect, it, vi } from "vitest";
import {
  leak,
  listen,
  pass,
  Service,
  spanIdOf,
  traceIdOf,
  withContextManager,
  withFakeTime,
  within,
} from "./support.js";

withContextManager();
withFakeTime();

const baggage = (runId: string) =>
  propagation.setBaggage(context.active(), propagation.createBaggage({ "spanbus.run.id": { value: runId } }));

/** A span whose instrumentation was told a run id by the application. */
const named = { "ai.telemetry.metadata.runId": "named" };

describe("the run of a span", () => {
  it("is what the runId option says, before a binding", () => {
    const service = new Service({ runId: () => "chosen" });
    runContext("bound", () => service.agent("a"));
    expect(service.types("chosen")).toEqual(["agent.invocation.started"]);
    expect(service.types("bound")).toEqual([]);
  });

  it("is the bound one where the runId option says the same id: the run goes on until its function is over", async () => {
    const service = new Service({ runId: () => "job" });
    const heard = listen(service.bus);
    await service.bus.run("job", async () => {
      service.agent("first").end();
      await pass();
      expect(service.bus.emit("note")).toMatchObject({ runId: "job" });
      service.agent("second").end();
    });
    await pass();
    expect(heard.filter((word) => /opened|closed/.test(word))).toEqual(["opened job", "closed job completed"]);
    expect(service.types("job")).toHaveLength(7);
  });

  it("is the bound one where the runId option says the same id: a throw of its function is how the run ends", async () => {
    const service = new Service({ runId: () => "job" });
    const failing = service.bus.run("job", async () => {
      service.agent("a").end();
      await pass();
      throw new Error("broken");
    });
    await expect(failing).rejects.toThrow("broken");
    await pass();
    expect(service.fate("job")).toBe("failed");
  });

  it("is the one bound by runContext where the runId option says the same id: only closeStream closes it", () => {
    const service = new Service({ runId: () => "job" });
    const late = runContext("job", () => {
      for (const name of ["first", "second"]) service.agent(name).end();
      return leak();
    });
    expect(service.fate("job")).toBe("open");
    expect(service.types("job")).toHaveLength(6);
    service.bus.closeStream("job", "completed");
    late(() => service.agent("late").end());
    expect(service.types("job")).toHaveLength(6);
  });

  it("is the one that a span around hands on where the runId option says the same id", () => {
    const service = new Service({ runId: () => "job" });
    const server = runContext("job", () => service.plain("GET /"));
    service.agent("a", { under: trace.setSpan(ROOT_CONTEXT, server) }).end();
    server.end();
    expect(service.fate("job")).toBe("open");
  });

  it("is asked of the runId option once for each span that becomes an event, with the span and its context", () => {
    const key = Symbol.for("conversation");
    const runId = vi.fn((_span: unknown, active: { getValue(key: symbol): unknown }) => String(active.getValue(key)));
    const service = new Service({ runId });
    context.with(context.active().setValue(key, "conversation 7"), () => {
      const server = service.plain("GET /");
      const agent = service.agent("a", { under: server });
      agent.end();
      server.end();
    });
    expect(runId).toHaveBeenCalledOnce();
    expect(runId.mock.calls[0]?.[0]).toMatchObject({ name: "invoke_agent a" });
    expect(service.types("conversation 7")).toHaveLength(3);
  });

  it("may be named by a table of the application on certain spans of its own", () => {
    const own: Convention = {
      name: "own",
      claims: [{ by: "attribute", key: "kind", operations: { agent: "invocation", tool: "tool" } }],
      runId: [{ from: "attribute", key: "job", for: ["invocation"] }],
    };
    const service = new Service({ conventions: [own] });
    service.plain("a", { attributes: { kind: "agent", job: "job-1" } }).end();
    const tool = service.plain("t", { attributes: { kind: "tool", job: "job-2" } });
    tool.end();
    expect(service.types("job-1")[0]).toBe("agent.invocation.started");
    expect(service.types("job-2")).toEqual([]);
    expect(service.types(tool)[0]).toBe("agent.tool.started");
  });

  it("is asked of the runId option also when the kind of the span shows only at its end", () => {
    const service = new Service({ runId: () => "chosen" });
    const late = service.plain("work");
    service.bus.history("chosen");
    late.setAttribute("gen_ai.operation.name", "invoke_agent");
    late.end();
    expect(service.types("chosen")).toEqual([
      "agent.invocation.started",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
  });

  it("is what accepted baggage says also when the kind of the span shows only at its end", () => {
    const service = new Service({ acceptRemoteRun: true });
    const late = service.plain("work", { under: baggage("remote") });
    service.bus.stats();
    late.setAttribute("gen_ai.operation.name", "invoke_agent");
    late.end();
    expect(service.types("remote")).toHaveLength(3);
  });

  it("is asked of the runId option also for a span that comes without a context", () => {
    const service = new Service({ runId: (span) => `run of ${span.name}` });
    service.bus.onStart({
      name: "invoke_agent a",
      spanContext: () => ({ traceId: "a".repeat(32), spanId: "b".repeat(16) }),
      attributes: { "gen_ai.operation.name": "invoke_agent" },
    });
    expect(service.types("run of invoke_agent a")).toHaveLength(1);
  });

  it("falls through to the next rule where the runId option says nothing", () => {
    const service = new Service({ runId: () => undefined });
    runContext("bound", () => service.agent("a"));
    expect(service.types("bound")).toHaveLength(1);
    expect(service.bus.stats().refused).toBe(0);
  });

  it.each([
    ["empty", ""],
    ["too long", "x".repeat(257)],
    ["with a control character", "a\nb"],
    ["of a wrong type", 7 as unknown as string],
  ])("ignores and counts an id from the runId option that is %s", (_what, id) => {
    const service = new Service({ runId: () => id });
    runContext("bound", () => service.agent("a"));
    expect(service.types("bound")).toHaveLength(1);
    expect(service.bus.stats().refused).toBe(1);
  });

  it("takes an id of exactly 256 characters", () => {
    const id = "x".repeat(256);
    const service = new Service();
    runContext(id, () => service.agent("a"));
    expect(service.types(id)).toHaveLength(1);
  });

  it("survives a runId option that throws, counts it, and goes on with the next rule", () => {
    const service = new Service({
      runId: () => {
        throw new Error("no id today");
      },
    });
    runContext("bound", () => service.agent("a"));
    expect(service.types("bound")).toHaveLength(1);
    expect(service.bus.stats().errors).toBe(1);
  });

  it("is the binding of its context, before baggage", () => {
    const service = new Service({ acceptRemoteRun: true });
    context.with(baggage("remote"), () => runContext("bound", () => service.agent("a")));
    expect(service.types("bound")).toHaveLength(1);
    expect(service.types("remote")).toEqual([]);
  });

  it("is the innermost binding", () => {
    const service = new Service();
    runContext("outer", () => runContext("inner", () => service.agent("a")));
    expect(service.types("inner")).toHaveLength(1);
    expect(service.types("outer")).toEqual([]);
  });

  it("is the binding of its own context, before the run of the event around it", () => {
    const service = new Service();
    const outer = runContext("outer", () => service.agent("outer"));
    runContext("inner", () => service.agent("inner", { under: outer }));
    expect(service.types("outer")).toHaveLength(1);
    expect(service.types("inner")).toHaveLength(1);
  });

  it("is what baggage says, before the run of the event around it, where that is accepted", () => {
    const service = new Service({ acceptRemoteRun: true });
    const outer = service.agent("outer");
    context.with(baggage("remote"), () => service.agent("inner", { under: outer }));
    expect(service.types("remote")).toHaveLength(1);
    expect(service.types(outer)).toHaveLength(1);
  });

  it("does not care for baggage by default", () => {
    const service = new Service();
    const agent = context.with(baggage("remote"), () => service.agent("a"));
    expect(service.types("remote")).toEqual([]);
    expect(service.types(agent)).toHaveLength(1);
    expect(service.bus.stats().refused).toBe(0);
  });

  it("ignores and counts an invalid id in baggage", () => {
    const service = new Service({ acceptRemoteRun: true });
    const agent = context.with(baggage("x".repeat(257)), () => service.agent("a"));
    expect(service.types(agent)).toHaveLength(1);
    expect(service.bus.stats().refused).toBe(1);
  });

  it("is the run of the nearest ancestor that is an event, before a name the instrumentation gives", () => {
    const service = new Service();
    const agent = service.agent("a");
    const client = service.plain("POST", { under: agent });
    service.model({ under: client, attributes: named });
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.model.started"]);
    expect(service.types("named")).toEqual([]);
  });

  it("is the run of the nearest ancestor that is an event, before a binding that was handed on", () => {
    const service = new Service({
      runId: ({ name }) => (String(name).includes("invoke_agent") ? "chosen" : undefined),
    });
    const agent = runContext("bound", () => service.agent("a"));
    service.tool("t", { under: trace.setSpan(ROOT_CONTEXT, agent) });
    expect(service.types("chosen")).toEqual(["agent.invocation.started", "agent.tool.started"]);
    expect(service.types("bound")).toEqual([]);
  });

  it("is what accepted baggage says, before a binding that was handed on", () => {
    const service = new Service({ acceptRemoteRun: true });
    const server = runContext("bound", () => service.plain("GET /"));
    service.agent("a", { under: trace.setSpan(baggage("remote"), server) });
    expect(service.types("remote")).toEqual(["agent.invocation.started"]);
    expect(service.types("bound")).toEqual([]);
  });

  it("is the binding that a span which is no event hands on, before a name the instrumentation gives", () => {
    const service = new Service();
    const server = runContext("bound", () => service.plain("GET /"));
    service.agent("a", { under: trace.setSpan(ROOT_CONTEXT, server), attributes: named });
    expect(service.types("bound")).toEqual(["agent.invocation.started"]);
    expect(service.types("named")).toEqual([]);
  });

  it("is not the trace of a span that is no event: such a span hands on no default", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.agent("a", { under: server, attributes: named });
    expect(service.types("named")).toHaveLength(1);
    expect(service.types(server)).toEqual([]);
  });

  it("is the name the instrumentation gives, before the trace id", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named });
    expect(service.types("named")).toHaveLength(1);
    expect(service.types(agent)).toEqual([]);
  });

  it("ignores and counts an invalid name that the instrumentation gives", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: { "ai.telemetry.metadata.runId": "a\u0000b" } });
    expect(service.types(agent)).toHaveLength(1);
    expect(service.bus.stats().refused).toBe(1);
  });

  it("is the trace id when nothing else says it", () => {
    const service = new Service();
    const agent = service.agent("a");
    expect(service.history(agent)).toMatchObject([{ runId: traceIdOf(agent), traceId: traceIdOf(agent) }]);
    expect(service.bus.runOf(traceIdOf(agent))).toBe(traceIdOf(agent));
  });

  it("can be found by the trace id also when it has a name of its own", () => {
    const service = new Service();
    const agent = runContext("bound", () => service.agent("a"));
    expect(service.bus.runOf(traceIdOf(agent))).toBe("bound");
    expect(service.bus.runOf("f".repeat(32))).toBeUndefined();
  });

  it("keeps the spans of one trace apart when each context is bound to another run", () => {
    const service = new Service();
    const server = service.plain("GET /");
    for (const id of ["one", "two"]) runContext(id, () => service.agent(id, { under: server }).end());
    expect(service.types("one")).toEqual(service.types("two"));
    expect(service.info("one")?.traceIds).toEqual(service.info("two")?.traceIds);
  });
});

/** Spans whose name begins with `db` are left out; those below them are not. */
const withoutDatabase: Sampler = {
  shouldSample: (_context, _traceId, name) => ({
    decision: name.startsWith("db") ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
  }),
  toString: () => "WithoutDatabase",
};

describe("the run of a span below one that nobody saw", () => {
  const runIdNamed = (runId: string) => ({ attributes: { "ai.telemetry.metadata.runId": runId } });

  it("is that of the innermost open event of the trace", () => {
    const service = new Service({}, { sampler: withoutDatabase });
    const agent = service.agent("a", runIdNamed("r"));
    service.tool("t", { under: service.plain("db query", { under: agent }) });
    expect(service.event("r", "agent.tool.started").parentSpanId).toBe(spanIdOf(agent));
  });

  it("is none of those that go on in its trace where that are several, but what the next rule says", () => {
    const service = new Service({}, { sampler: withoutDatabase });
    const server = service.plain("POST /");
    const first = service.agent("first", { under: server, ...runIdNamed("one") });
    service.agent("second", { under: server, ...runIdNamed("two") });
    const query = service.plain("db query", { under: first });
    service.tool("unnamed", { under: query });
    service.agent("named", { under: query, ...runIdNamed("one") });
    expect(service.types("one")).toEqual(["agent.invocation.started", "agent.invocation.started"]);
    expect(service.types("two")).toEqual(["agent.invocation.started"]);
    expect(service.history(server)).toMatchObject([{ type: "agent.tool.started", data: { toolName: "unnamed" } }]);
  });

  it("is the bound one, below the innermost open event of that, where several runs go on in its trace", () => {
    const service = new Service({}, { sampler: withoutDatabase });
    const server = service.plain("POST /");
    const [first] = ["one", "two"].map((runId) =>
      runContext(runId, () => {
        const agent = service.agent("a", { under: server });
        return { agent, query: trace.setSpan(context.active(), service.plain("db query", { under: agent })) };
      }),
    );
    if (!first) throw new Error("no agent");
    service.tool("t", { under: first.query });
    expect(service.event("one", "agent.tool.started").parentSpanId).toBe(spanIdOf(first.agent));
  });

  it("is that of what is emitted and logged there, too", () => {
    const service = new Service({}, { sampler: withoutDatabase });
    setEventBus(service.bus);
    const agent = service.agent("a", runIdNamed("r"));
    const query = service.plain("db query", { under: agent });
    within(query, () => {
      expect(currentRunId()).toBe("r");
      service.bus.emit("emitted");
      service.log("logged");
    });
    resetEventBus();
    const ids = { spanId: spanIdOf(query), parentSpanId: spanIdOf(agent) };
    expect(service.history("r").slice(1)).toMatchObject([
      { type: "emitted", ...ids },
      { type: "logged", ...ids },
    ]);
  });
});

describe("the current run id", () => {
  const inside = (service: Service, span: Span) => within(span, () => currentRunIdOf(service));
  const currentRunIdOf = (service: Service) => service.bus.emit("note")?.runId;

  it("is undefined where nothing is active", () => {
    expect(currentRunId()).toBeUndefined();
    expect(currentRunIdOf(new Service())).toBeUndefined();
  });

  it("is the one that the active span was bound to, also where the context is not", () => {
    const service = new Service();
    const server = runContext("bound", () => service.plain("GET /"));
    expect(context.with(trace.setSpan(ROOT_CONTEXT, server), () => currentRunIdOf(service))).toBe("bound");
  });

  it("is the bound one", () => {
    const service = new Service();
    runContext("bound", () => {
      expect(currentRunId()).toBe("bound");
      expect(currentRunIdOf(service)).toBe("bound");
    });
  });

  it("is that of the active event, of the event around the active span, and else the trace id", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named });
    const client = service.plain("POST", { under: agent });
    const elsewhere = service.agent("b");
    expect(inside(service, agent)).toBe("named");
    expect(inside(service, client)).toBe("named");
    expect(inside(service, elsewhere)).toBe(traceIdOf(elsewhere));
  });
});
