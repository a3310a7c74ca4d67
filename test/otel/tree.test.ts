import { ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { requestFrom, Service, spanIdOf, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

/** The first event of the span. */
const startOf = (service: Service, span: Span) =>
  service.bus
    .runs()
    .flatMap(({ runId }) => service.history(runId))
    .find(({ spanId }) => spanId === spanIdOf(span));

describe("parentSpanId", () => {
  it("is missing at the root", () => {
    const service = new Service();
    const agent = service.agent("a", { under: service.plain("GET /") });
    expect(startOf(service, agent)).not.toHaveProperty("parentSpanId");
  });

  it("is the nearest ancestor that is an event, past spans that are none", () => {
    const service = new Service();
    const agent = service.agent("a");
    const [http, dns] = [service.plain("POST", { under: agent }), service.plain("dns")];
    const tool = service.tool("t", { under: service.plain("tls", { under: http }) });
    expect(startOf(service, tool)?.parentSpanId).toBe(spanIdOf(agent));
    expect(startOf(service, dns)).toBeUndefined();
  });

  it("names an ancestor that has ended, while its run is open", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    const http = service.plain("POST", { under: model });
    http.end();
    model.end();
    const tool = service.tool("t", { under: http });
    expect(startOf(service, tool)?.parentSpanId).toBe(spanIdOf(model));
  });

  it("is the innermost open event of the trace when the local parent is unknown", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.tool("over", { under: model }).end();
    const unknown = { ...agent.spanContext(), spanId: "1234567890abcdef" };
    const tool = service.tool("t", { under: trace.setSpanContext(ROOT_CONTEXT, unknown) });
    expect(startOf(service, tool)?.parentSpanId).toBe(spanIdOf(model));
    expect(startOf(service, tool)?.runId).toBe(traceIdOf(agent));
  });

  it("is missing below a local parent that was no event and is forgotten", () => {
    const service = new Service();
    const request = service.plain("GET /");
    request.end();
    const agent = service.agent("a", { under: request });
    expect(service.event(agent, "agent.invocation.started").parentSpanId).toBeUndefined();
  });

  it("is the id of a remote parent, also below a span that is no event", () => {
    const service = new Service();
    const server = service.plain("POST /", { under: requestFrom({ spanId: "00f067aa0ba902b7" }) });
    const agent = service.agent("a", { under: server });
    expect(startOf(service, agent)?.parentSpanId).toBe("00f067aa0ba902b7");
    expect(startOf(service, service.tool("t", { under: agent }))?.parentSpanId).toBe(spanIdOf(agent));
  });

  it("is the same on every event of a span", () => {
    const service = new Service();
    const agent = service.agent("a");
    const tool = service.tool("t", { under: service.plain("POST", { under: agent }) });
    tool.addEvent("progress");
    tool.end();
    const events = service.history(agent).filter(({ spanId }) => spanId === spanIdOf(tool));
    expect(events.map(({ type, parentSpanId }) => [type, parentSpanId])).toEqual([
      ["agent.tool.started", spanIdOf(agent)],
      ["progress", spanIdOf(agent)],
      ["agent.tool.completed", spanIdOf(agent)],
    ]);
  });

  it("makes one tree of each run: every parent was started before", () => {
    const service = new Service();
    const agent = service.agent("a");
    for (let turn = 0; turn < 3; turn += 1) {
      const http = service.plain("POST", { under: agent });
      const model = service.model({ under: http });
      service.tool("t", { under: service.plain("rpc", { under: model }) }).end();
      model.end();
      http.end();
    }
    const known = new Set<string | undefined>([undefined]);
    for (const { spanId, parentSpanId } of service.history(agent)) {
      expect(known).toContain(parentSpanId);
      known.add(spanId);
    }
  });
});

describe("agentName", () => {
  it("is that of the nearest enclosing agent", () => {
    const service = new Service();
    const outer = service.agent("outer");
    const inner = service.agent("inner", { under: service.plain("POST", { under: outer }) });
    expect(startOf(service, service.tool("t", { under: inner }))?.data).toMatchObject({ agentName: "inner" });
    expect(startOf(service, service.tool("t", { under: outer }))?.data).toMatchObject({ agentName: "outer" });
  });

  it("is that of the nearest enclosing agent at start and end, whatever the instrumentation stamps on the span", () => {
    const service = new Service();
    const inner = service.agent("inner", { under: service.agent("outer") });
    const stamped = { "gen_ai.agent.name": "outer" };
    const spans = [
      service.model({ under: inner, attributes: stamped }),
      service.tool("t", { under: inner, attributes: stamped }),
    ];
    for (const span of spans) span.end();
    const names = service.history(inner).filter(({ spanId }) => spans.some((span) => spanIdOf(span) === spanId));
    expect(names.map(({ type, data }) => [type, (data as { agentName?: string }).agentName])).toEqual([
      ["agent.model.started", "inner"],
      ["agent.tool.started", "inner"],
      ["agent.model.completed", "inner"],
      ["agent.tool.completed", "inner"],
    ]);
  });

  it("is what the span itself says where no agent is around it", () => {
    const service = new Service();
    const model = service.model({ attributes: { "gen_ai.agent.name": "implied" } });
    expect(startOf(service, model)?.data).toMatchObject({ agentName: "implied" });
  });

  it("is on RunInfo that of the first agent", () => {
    const service = new Service();
    const outer = service.agent("outer");
    service.agent("inner", { under: outer });
    expect(service.info(outer)?.agentName).toBe("outer");
  });
});

describe("the kind of a span", () => {
  it("is taken from attributes set right after the start", () => {
    const service = new Service();
    const span = service.plain("work");
    span.setAttributes({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "late" });
    expect(service.event(span, "agent.invocation.started").data.agentName).toBe("late");
  });

  it("is decided in the promise job queued at the start, without anybody asking", async () => {
    const service = new Service();
    const heard: string[] = [];
    service.bus.tap(({ type }) => void heard.push(type));
    const span = service.plain("work");
    span.setAttribute("gen_ai.operation.name", "invoke_agent");
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(["agent.invocation.started"]);
  });

  it("is decided by the next start, so that the order is that of the callbacks", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    const tool = service.tool("t", { under: model });
    tool.end();
    model.end();
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "agent.model.started",
      "agent.tool.started",
      "agent.tool.completed",
      "agent.model.completed",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
  });

  it("that shows only at the end gives the start, with its time, and the end together", async () => {
    const service = new Service();
    const started = Date.now();
    const agent = service.agent("a");
    const span = service.plain("work", { under: agent, startTime: started });
    await Promise.resolve();
    span.setAttributes({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search" });
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
    span.end(started + 250);
    expect(service.history(agent).slice(1)).toMatchObject([
      { type: "agent.tool.started", time: started, data: { toolName: "search" } },
      { type: "agent.tool.completed", time: started + 250, data: { durationMillis: 250 } },
    ]);
  });

  it("that shows only at the end counts in the totals of its agent", async () => {
    const service = new Service();
    const agent = service.agent("a");
    const span = service.plain("work", { under: agent });
    await Promise.resolve();
    span.setAttributes({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search" });
    span.end();
    agent.end();
    expect(service.event(agent, "agent.terminate").data.toolCalls).toBe(1);
  });

  it("does not change with a name given at the end", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.stats();
    agent.updateName("chat gpt");
    agent.end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
  });

  it("in another run than its parent still names that parent", () => {
    const service = new Service();
    const outer = runContext("outer", () => service.agent("outer"));
    const inner = runContext("inner", () => service.agent("inner", { under: outer }));
    expect(startOf(service, inner)).toMatchObject({ runId: "inner", parentSpanId: spanIdOf(outer) });
    const model = runContext("other", () => service.model({ under: outer }));
    expect(startOf(service, model)?.data).toMatchObject({ agentName: "outer" });
  });

  it("that shows only at the end is below its agent, also when that was forgotten meanwhile, and refused with its run", () => {
    const service = new Service({ maxOpenSpans: 5 });
    const outer = service.agent("outer");
    const inner = runContext("inner", () => service.agent("inner", { under: outer }));
    const within = service.plain("work", { under: inner });
    const late = [service.plain("work", { under: within }), service.plain("work", { under: within })];
    service.bus.stats();
    within.end();
    inner.end();
    const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t" };
    for (let n = 0; n < 8; n += 1) service.model({ under: outer }).end();
    late[0]?.setAttributes(tool).end();
    expect(service.event("inner", "agent.tool.started")).toMatchObject({
      parentSpanId: spanIdOf(inner),
      data: { agentName: "inner" },
    });
    service.bus.closeStream("inner");
    late[1]?.setAttributes(tool).end();
    outer.end();
    expect(service.bus.stats().refused).toBe(1);
    expect(service.info(outer)?.toolCalls).toBe(0);
  });

  it("that shows only at the end is below what turned out to be an event before", async () => {
    const service = new Service();
    const root = service.plain("GET /");
    const outer = service.plain("work", { under: root });
    const inner = service.plain("work", { under: outer });
    await Promise.resolve();
    outer.setAttributes({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "outer" }).end();
    inner.setAttributes({ "gen_ai.operation.name": "invoke_workflow" }).end();
    root.end();
    expect(startOf(service, inner)).toMatchObject({ parentSpanId: spanIdOf(outer), data: { agentName: "outer" } });
    expect(service.types(root).filter((type) => type === "agent.terminate")).toHaveLength(1);
  });
});

describe("every start", () => {
  it("has exactly one end with the same span id, however the run goes", () => {
    const service = new Service();
    const root = service.agent("root");
    const model = service.model({ under: root });
    model.recordException(new Error("x"));
    model.end();
    service.tool("open", { under: root });
    service.agent("nested", { under: root }).end();
    root.end();
    service.bus.closeStream(traceIdOf(root));
    const events = service.history(root);
    const ids = (phase: RegExp) => events.filter(({ type }) => phase.test(type)).map(({ spanId }) => spanId);
    expect(ids(/\.(completed|failed)$/).sort()).toEqual(ids(/\.started$/).sort());
  });
});
