import type { Span } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { Service, spanIdOf, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const used = { "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10 };

const told = (service: Service, run: Span | string) =>
  service.history(run).filter(({ type }) => type === "agent.tokens.used");

const terminated = (service: Service, run: string, agent: Span) =>
  service.history(run).find(({ type, spanId }) => type === "agent.terminate" && spanId === spanIdOf(agent))?.data;

describe("agent.tokens.used", () => {
  it("follows the end of a model call and says whose tokens they are", () => {
    const service = new Service();
    const agent = service.agent("planner");
    const model = service.model({
      under: agent,
      attributes: {
        ...used,
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.cache_read.input_tokens": 50,
        "gen_ai.usage.reasoning.output_tokens": 4,
      },
    });
    model.end();
    expect(service.types(agent).slice(-2)).toEqual(["agent.model.completed", "agent.tokens.used"]);
    expect(service.event(agent, "agent.tokens.used")).toMatchObject({
      spanId: spanIdOf(model),
      data: {
        model: "gpt",
        provider: "openai",
        agentName: "planner",
        inputTokens: 100,
        outputTokens: 10,
        cacheReadTokens: 50,
        reasoningTokens: 4,
      },
    });
  });

  it("comes once when the agent reports the sum of its model calls", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: used });
    const model = service.model({ under: agent, attributes: used });
    model.end();
    agent.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(model)]);
    expect(service.info(agent)).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it("is the agent's where no model call below told any", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: used });
    service.model({ under: agent }).end();
    agent.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(agent)]);
  });

  it("goes to the deepest of nested model spans with no agent or tool between", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const call = service.model({ under: service.plain("POST", { under: wrapper }), attributes: used });
    call.end();
    wrapper.end();
    agent.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(call)]);
    expect(service.types(agent).filter((type) => type === "agent.model.completed")).toHaveLength(2);
    expect(service.info(agent)).toMatchObject({ modelCalls: 1, inputTokens: 100 });
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ modelCalls: 1, inputTokens: 100 });
  });

  it("goes to the deepest also when the wrapper ends first", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const call = service.model({ under: wrapper, attributes: used });
    wrapper.end();
    call.end();
    agent.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(call)]);
  });

  it("comes once when the wrapper ended first and the deeper span shows only at its end what it was", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const deeper = service.plain("chat gpt", { under: wrapper });
    wrapper.end();
    deeper.setAttributes({ ...used, "gen_ai.operation.name": "chat" });
    deeper.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
  });

  it.each([["chat"], ["invoke_agent"]])(
    "comes once when only the end shows that the span around was a %s",
    (operation) => {
      const service = new Service();
      const agent = service.agent("a");
      const around = service.plain("around", { under: agent });
      const http = service.plain("POST", { under: around });
      const model = service.model({ under: http, attributes: used });
      model.end();
      http.end();
      around.setAttributes({ ...used, "gen_ai.operation.name": operation }).end();
      expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(model)]);
    },
  );

  it("is told by a span that began below a wrapper that was over", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    wrapper.end();
    service.model({ under: wrapper, attributes: used }).end();
    expect(told(service, agent)).toHaveLength(2);
  });

  it("is the wrapper's where the deeper span tells none", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    service.model({ under: wrapper }).end();
    wrapper.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
    expect(service.info(agent)).toMatchObject({ modelCalls: 1, inputTokens: 100 });
  });

  it.each([
    ["a tool", (service: Service, under: Span) => service.tool("delegate", { under })],
    ["an agent", (service: Service, under: Span) => service.agent("inner", { under })],
  ])("is told by both of two model spans with %s between", (_what, between) => {
    const service = new Service();
    const agent = service.agent("a");
    const outer = service.model({ under: agent, attributes: used });
    const middle = between(service, outer);
    const inner = service.model({ under: middle, attributes: used });
    for (const span of [inner, middle, outer, agent]) span.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(inner), spanIdOf(outer)]);
    expect(service.info(agent)).toMatchObject({ modelCalls: 2, inputTokens: 200 });
  });

  it("is told by each of two calls side by side below one wrapper", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    for (let call = 0; call < 2; call += 1) service.model({ under: wrapper, attributes: used }).end();
    wrapper.end();
    expect(told(service, agent)).toHaveLength(2);
    expect(service.info(agent)?.modelCalls).toBe(2);
  });

  it("does not come for a call that told nothing, or something that is no number", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.model({ under: agent }).end();
    service.model({ under: agent, attributes: { "gen_ai.usage.input_tokens": "many" } }).end();
    expect(told(service, agent)).toEqual([]);
  });

  it("is told although the attribute limit of the SDK dropped the counts and the finish reason", () => {
    const service = new Service({}, { spanLimits: { attributeCountLimit: 128 } });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.bus.stats();
    for (let index = 0; index < 140; index += 1) model.setAttribute(`llm.input_messages.${index}.content`, "x");
    model.setAttributes({ "gen_ai.usage.input_tokens": 100 });
    model.setAttribute("gen_ai.usage.output_tokens", 10);
    model.setAttribute("gen_ai.response.finish_reasons", ["stop"]);
    model.end();
    expect((model as unknown as { attributes: object }).attributes).not.toHaveProperty("gen_ai.usage.input_tokens");
    expect(service.event(agent, "agent.tokens.used").data).toMatchObject({ inputTokens: 100, outputTokens: 10 });
    expect(service.event(agent, "agent.model.completed").data.finishReason).toBe("stop");
  });

  it("is told although the length limit of the SDK cut the counts", () => {
    const service = new Service({}, { spanLimits: { attributeValueLengthLimit: 20 } });
    const agent = service.agent("a");
    const model = service.plain("gen", { under: agent, attributes: { "langfuse.observation.type": "generation" } });
    service.bus.stats();
    model.setAttribute("langfuse.observation.usage_details", JSON.stringify({ input: 100, output: 10, total: 110 }));
    model.end();
    expect(service.event(agent, "agent.tokens.used").data).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it("has the last count that was set", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    service.bus.stats();
    model.setAttribute("gen_ai.usage.output_tokens", 1);
    model.setAttribute("gen_ai.usage.output_tokens", 10);
    model.end();
    expect(service.event(agent, "agent.tokens.used").data.outputTokens).toBe(10);
  });

  it("is told by embeddings as well", () => {
    const service = new Service();
    const span = service.plain("embeddings e5", {
      attributes: { "gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e5", ...used },
    });
    span.end();
    expect(service.event(span, "agent.tokens.used").data).toMatchObject({ model: "e5", inputTokens: 100 });
  });
});

describe("tokens of a call around one that stays open", () => {
  const types = (service: Service, run: Span) => service.types(run).slice(-4);

  it("are told when the one inside ends and tells none", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const call = service.model({ under: service.plain("POST", { under: wrapper }) });
    wrapper.end();
    expect(told(service, agent)).toEqual([]);
    call.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
    agent.end();
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it("are told by neither of the others when one of several inside tells its own", () => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const [silent, telling] = [service.model({ under: wrapper }), service.model({ under: wrapper })];
    wrapper.end();
    silent.end();
    expect(told(service, agent)).toEqual([]);
    telling.setAttributes(used).end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(telling)]);
  });

  it("are told at the end of the agent, before its own and its totals, and by nobody afterwards", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const agent = service.agent("a", { under: server, attributes: used });
    const wrapper = service.model({ under: agent, attributes: used });
    const call = service.model({ under: wrapper });
    wrapper.end();
    agent.end();
    call.setAttributes(used).end();
    expect(service.types(server).slice(4)).toEqual([
      "agent.invocation.completed",
      "agent.tokens.used",
      "agent.terminate",
      "agent.model.completed",
    ]);
    expect(told(service, server).map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
    expect(service.event(server, "agent.terminate").data).toMatchObject({ inputTokens: 100 });
  });

  it("are the deepest's that has some", () => {
    const service = new Service();
    const agent = service.agent("a");
    const outer = service.model({ under: agent, attributes: used });
    const inner = service.model({ under: outer, attributes: used });
    service.model({ under: inner });
    for (const span of [outer, inner, agent]) span.end();
    expect(told(service, agent).map(({ spanId }) => spanId)).toEqual([spanIdOf(inner)]);
  });

  it("are told when that is abandoned, before the seal", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const wrapper = service.model({ under: server, attributes: used });
    service.model({ under: wrapper });
    wrapper.end();
    service.bus.closeStream(traceIdOf(server));
    expect(types(service, server)).toEqual([
      "agent.model.started",
      "agent.model.completed",
      "agent.model.failed",
      "agent.tokens.used",
    ]);
    expect(service.info(server)).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it("are told although a listener closes the run at the end of the other", () => {
    const service = new Service();
    const server = service.plain("GET /");
    const wrapper = service.model({ under: server, attributes: used });
    const call = service.model({ under: wrapper });
    wrapper.end();
    service.bus.tap(({ type, spanId }) => {
      if (type === "agent.model.completed" && spanId === spanIdOf(call)) service.bus.closeStream(traceIdOf(server));
    });
    call.end();
    expect(told(service, server).map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
  });

  it("are told at once where the other one's family does not count such spans", () => {
    const service = new Service();
    const scope = "@mastra/otel-bridge";
    const agent = service.plain("agent run: 'w'", { scope });
    const loop = service.plain("llm: 'gpt-4o'", { scope, under: agent });
    const call = service.plain("inference: 0", { scope, under: loop });
    service.bus.stats();
    loop.setAttributes({ "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai.chat", ...used }).end();
    expect(service.event(agent, "agent.tokens.used")).toMatchObject({
      spanId: spanIdOf(loop),
      data: { model: "gpt-4o", provider: "openai", inputTokens: 100 },
    });
    call.end();
    agent.end();
    expect(told(service, agent)).toHaveLength(1);
  });
});

describe("tokens of an agent", () => {
  const agentOf = (service: Service) => service.plain("Claude", { attributes: { "openinference.span.kind": "AGENT" } });

  it("are told although a model call below never ends", () => {
    const service = new Service();
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    agent.setAttributes(used).end();
    expect(service.types(agent).slice(2, 5)).toEqual([
      "agent.invocation.completed",
      "agent.tokens.used",
      "agent.terminate",
    ]);
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ inputTokens: 100, outputTokens: 10 });
    model.setAttributes(used).end();
    expect(service.info(agent)).toMatchObject({ inputTokens: 100, outputTokens: 10 });
  });

  it("are told although an embedding below told some: they are of another model", () => {
    const service = new Service();
    const agent = agentOf(service);
    const tool = service.tool("search", { under: agent });
    const attributes = { "gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 8 };
    service.plain("embed", { under: tool, attributes }).end();
    tool.end();
    agent.setAttributes({ "llm.token_count.prompt": 1500, "llm.token_count.completion": 100 }).end();
    expect(told(service, agent).map(({ data }) => data)).toMatchObject([{ inputTokens: 8 }, { inputTokens: 1500 }]);
    expect(service.event(agent, "agent.terminate").data).toMatchObject({ inputTokens: 1508, outputTokens: 100 });
  });

  it("are the inner one's of two in each other, and of both where a tool called the inner one", () => {
    for (const between of [false, true]) {
      const service = new Service();
      const outer = service.agent("outer", { attributes: used });
      const around = between ? service.tool("delegate", { under: outer }) : outer;
      const inner = service.agent("inner", { under: around, attributes: used });
      inner.end();
      if (between) around.end();
      outer.end();
      const tellers = between ? [inner, outer] : [inner];
      expect(told(service, outer).map(({ spanId }) => spanId)).toEqual(tellers.map(spanIdOf));
    }
  });
});

describe("tokens in runs inside each other", () => {
  it("are told in each: what a span of another run told is not in this one", () => {
    const service = new Service();
    const outer = runContext("outer", () => service.agent("outer", { attributes: used }));
    const tool = service.tool("delegate", { under: outer });
    const inner = runContext("inner", () => service.agent("inner", { under: tool }));
    service.model({ under: inner, attributes: used }).end();
    for (const span of [inner, tool, outer]) span.end();
    for (const [run, agent] of Object.entries({ outer, inner })) {
      expect(service.info(run)).toMatchObject({ inputTokens: 100, outputTokens: 10 });
      expect(terminated(service, run, agent)).toMatchObject({ inputTokens: 100, outputTokens: 10 });
    }
  });

  it("are told in each also when the span around ended first", () => {
    const service = new Service();
    const wrapper = runContext("outer", () => service.model({ attributes: used }));
    const deeper = runContext("inner", () => service.model({ under: wrapper, attributes: used }));
    wrapper.end();
    deeper.end();
    expect(told(service, "outer").map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
    expect(told(service, "inner").map(({ spanId }) => spanId)).toEqual([spanIdOf(deeper)]);
  });
});
