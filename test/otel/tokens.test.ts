import type { Span } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { Service, spanIdOf, traceIdOf, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

const used = { "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10 };

const told = (service: Service, run: Span | string) =>
  service.history(run).filter(({ type }) => type === "agent.tokens.used");

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

  it.each([
    ["shows only at its end what it was", "unbound", {}],
    ["is of another run", "bound", { "gen_ai.operation.name": "chat" }],
  ])("comes once when the wrapper ended first and the deeper span %s", (_, binding, attributes) => {
    const service = new Service();
    const agent = service.agent("a");
    const wrapper = service.model({ under: agent, attributes: used });
    const start = () => within(wrapper, () => service.plain("chat gpt", { attributes }));
    const deeper = binding === "bound" ? runContext("r", start) : start();
    wrapper.end();
    deeper.setAttributes({ ...used, "gen_ai.operation.name": "chat" });
    deeper.end();
    const everyone = [...told(service, traceIdOf(agent)), ...told(service, "r")];
    expect(everyone.map(({ spanId }) => spanId)).toEqual([spanIdOf(wrapper)]);
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
