import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { fail, Service, spanIdOf, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

const used = (input: number, output: number) => ({
  "gen_ai.usage.input_tokens": input,
  "gen_ai.usage.output_tokens": output,
});

const terminations = (service: Service, run: Parameters<Service["history"]>[0]) =>
  service.history(run).filter(({ type }) => type === "agent.terminate");

describe("agent.terminate", () => {
  it("follows the end of the outermost agent and its tokens, and precedes the close", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: used(10, 5) });
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "agent.invocation.completed",
      "agent.tokens.used",
      "agent.terminate",
    ]);
    expect(service.event(agent, "agent.terminate")).toMatchObject({ spanId: spanIdOf(agent) });
  });

  it("has the totals of everything below the agent", () => {
    const service = new Service();
    const agent = service.agent("planner", { startTime: Date.now() });
    for (let turn = 0; turn < 2; turn += 1) {
      const model = service.model({ under: agent, attributes: used(100, 10) });
      service.tool("search", { under: model }).end();
      model.end();
    }
    fail(service.tool("broken", { under: agent }));
    agent.end(Date.now() + 1234);
    expect(service.event(agent, "agent.terminate").data).toEqual({
      reason: "completed",
      agentName: "planner",
      durationMillis: 1234,
      modelCalls: 2,
      toolCalls: 3,
      failedToolCalls: 1,
      inputTokens: 200,
      outputTokens: 20,
    });
  });

  it("leaves tokens out where nobody told any, and has all other counts", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.end();
    const { data } = service.event(agent, "agent.terminate");
    expect(data).toMatchObject({ modelCalls: 0, toolCalls: 0, failedToolCalls: 0 });
    expect(data).not.toHaveProperty("inputTokens");
  });

  it("comes once for agents inside agents, at the end of the outermost", () => {
    const service = new Service();
    const outer = service.agent("outer");
    const inner = service.agent("inner", { under: service.tool("delegate", { under: outer }) });
    service.model({ under: inner, attributes: used(7, 3) }).end();
    inner.end();
    expect(terminations(service, outer)).toEqual([]);
    outer.end();
    expect(terminations(service, outer)).toMatchObject([
      { data: { agentName: "outer", modelCalls: 1, toolCalls: 1, inputTokens: 7, outputTokens: 3 } },
    ]);
  });

  it("comes once for a workflow of agents", () => {
    const service = new Service();
    const workflow = service.workflow("report");
    for (const name of ["research", "write"]) {
      const agent = service.agent(name, { under: workflow });
      service.model({ under: agent }).end();
      agent.end();
    }
    workflow.end();
    expect(terminations(service, workflow)).toMatchObject([
      { spanId: spanIdOf(workflow), data: { reason: "completed", modelCalls: 2 } },
    ]);
  });

  it("comes for each of two agents under one request, with its own totals", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const agents = ["first", "second"].map((name) => service.agent(name, { under: server }));
    for (const [index, agent] of agents.entries()) {
      for (let call = 0; call <= index; call += 1) service.model({ under: agent, attributes: used(10, 1) }).end();
    }
    for (const agent of agents) agent.end();
    expect(terminations(service, server).map(({ data }) => data)).toMatchObject([
      { agentName: "first", modelCalls: 1, inputTokens: 10 },
      { agentName: "second", modelCalls: 2, inputTokens: 20 },
    ]);
    expect(service.info(server)).toMatchObject({ modelCalls: 3, inputTokens: 30 });
  });

  it("does not come for a model call or a tool without an agent", () => {
    const service = new Service();
    const model = service.model();
    service.tool("t", { under: model }).end();
    model.end();
    expect(terminations(service, model)).toEqual([]);
  });

  it("tells the failure of the agent", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.recordException(new TypeError("no such city"));
    fail(agent, "failed");
    expect(service.event(agent, "agent.terminate").data).toMatchObject({
      reason: "failed",
      error: { type: "TypeError", message: "no such city" },
    });
  });

  it("comes for an agent that works in a run of its own below another one", () => {
    const service = new Service();
    const outer = runContext("outer", () => service.agent("outer"));
    const inner = runContext("inner", () => service.agent("inner", { under: outer }));
    service.model({ under: inner }).end();
    inner.end();
    outer.end();
    expect(terminations(service, "inner")).toMatchObject([{ data: { agentName: "inner", modelCalls: 1 } }]);
    expect(terminations(service, "outer")).toMatchObject([{ data: { agentName: "outer", modelCalls: 0 } }]);
  });

  it("does not come for an agent of the same run below another run's", () => {
    const service = new Service();
    const first = runContext("r", () => service.agent("first"));
    const second = runContext("other", () => service.agent("second", { under: first }));
    const third = runContext("r", () => service.agent("third", { under: second }));
    for (const agent of [third, second, first]) agent.end();
    expect(terminations(service, "r")).toMatchObject([{ data: { agentName: "first" } }]);
  });

  it("has the totals also when the kind of the agent shows only at its end", async () => {
    const service = new Service();
    const agent = service.plain("work");
    await Promise.resolve();
    service.model({ under: agent, attributes: used(10, 1) }).end();
    service.tool("t", { under: agent }).end();
    agent.setAttribute("gen_ai.operation.name", "invoke_agent");
    agent.end();
    expect(service.event(agent, "agent.terminate").data).toMatchObject({
      modelCalls: 1,
      toolCalls: 1,
      inputTokens: 10,
    });
  });

  it("has the totals of its own run alone when only the end shows the agent", () => {
    const service = new Service();
    const root = service.plain("work");
    service.model({ under: root, attributes: used(1, 1) }).end();
    for (const run of ["A", "B", "A"])
      runContext(run, () => service.model({ under: root, attributes: used(10, 1) }).end());
    service.model({ under: root, attributes: used(2, 1) }).end();
    root.setAttribute("gen_ai.operation.name", "invoke_agent").end();
    expect(service.event(root, "agent.terminate").data).toMatchObject({ modelCalls: 2, inputTokens: 3 });
    expect(service.info("A")).toMatchObject({ modelCalls: 2, inputTokens: 20 });
  });

  it("has the totals of its own subtree for each of several that only the end shows", () => {
    const service = new Service();
    const root = service.plain("root");
    const chain = service.plain("chain", { under: root });
    service.model({ under: chain, attributes: used(3, 1) }).end();
    const agent = service.agent("a", { under: root });
    service.tool("t", { under: agent }).end();
    service.model({ under: agent, attributes: used(10, 1) }).end();
    agent.end();
    for (const span of [chain, root]) span.setAttribute("langsmith.span.kind", "chain").end();
    expect(terminations(service, root).map(({ data }) => data)).toMatchObject([
      { agentName: "a", modelCalls: 1, toolCalls: 1, inputTokens: 10 },
      { modelCalls: 1, toolCalls: 0, inputTokens: 3 },
      { modelCalls: 2, toolCalls: 1, inputTokens: 13 },
    ]);
  });

  it("has the totals also when the agent ends before what it began", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const agent = service.agent("a", { under: server });
    const model = service.model({ under: agent, attributes: used(10, 1) });
    agent.end();
    model.end();
    server.end();
    expect(service.event(server, "agent.terminate").data.modelCalls).toBe(1);
    expect(service.info(server)).toMatchObject({ modelCalls: 1, inputTokens: 10 });
  });
});

describe("the counts of a run", () => {
  it.each([
    ["tool", "toolCalls"],
    ["llm", "modelCalls"],
  ])("count a %s once where only the end of a span around shows that it is the same", (kind, count) => {
    const service = new Service();
    const agent = service.agent("a");
    const around = service.plain("t", { under: agent });
    const inner = kind === "tool" ? service.tool("t", { under: around }) : service.model({ under: around });
    fail(inner);
    around.setAttribute("langsmith.span.kind", kind);
    fail(around);
    agent.end();
    const counts = { modelCalls: 0, toolCalls: 0, failedToolCalls: kind === "tool" ? 1 : 0, [count]: 1 };
    expect(service.info(agent)).toMatchObject(counts);
    expect(service.event(agent, "agent.terminate").data).toMatchObject(counts);
  });

  it("count a call of a wrapper that only its end shows once, whoever else is around", () => {
    const service = new Service();
    const outer = service.model();
    const late = service.plain("llm", { under: outer });
    service.model({ under: late }).end();
    late.setAttribute("langsmith.span.kind", "llm").end();
    outer.end();
    expect(service.info(outer)).toMatchObject({ modelCalls: 1 });
    expect(service.types(outer).filter((type) => type === "agent.model.completed")).toHaveLength(3);
  });

  it("count in each of two runs what is done in both", () => {
    const service = new Service();
    const outer = runContext("A", () => service.tool("t"));
    const inner = runContext("B", () => service.tool("t", { under: outer }));
    const model = runContext("A", () => service.model({ under: inner }));
    const call = runContext("B", () => service.model({ under: model }));
    for (const span of [call, model, inner, outer]) fail(span);
    for (const run of ["A", "B"])
      expect(service.info(run)).toMatchObject({ modelCalls: 1, toolCalls: 1, failedToolCalls: 1 });
  });

  it("are those of runs(), also of events that are no agent's", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.model({ under: server, attributes: used(1, 2) }).end();
    const agent = service.agent("a", { under: server });
    within(agent, () => service.tool("t").end());
    agent.end();
    expect(service.info(server)).toMatchObject({
      modelCalls: 1,
      toolCalls: 1,
      failedToolCalls: 0,
      inputTokens: 1,
      outputTokens: 2,
      openSpans: 0,
    });
  });

  it("say of the conversation what the spans say", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: { "gen_ai.conversation.id": "c7" } });
    expect(service.info(agent)?.conversationId).toBe("c7");
    const model = service.model({ root: true, attributes: { "session.id": "s8" } });
    expect(service.info(model)?.conversationId).toBe("s8");
    expect(service.event(model, "agent.model.started").data.conversationId).toBe("s8");
  });
});
