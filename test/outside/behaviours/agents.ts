import { deepEqual, equal, ok } from "node:assert/strict";
import { SpanStatusCode } from "@opentelemetry/api";
import type { Behaviours } from "./behaviour.js";
import { eventOf, readAll, Service } from "./service.js";

export const agents: Behaviours = {
  "an agent is one tree of events, each operation with its start and its end": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    const http = service.span("POST", {}, agent);
    service.model(http).end();
    service.tool("search", agent).end();
    http.end();
    agent.end();
    const { traceId, spanId } = agent.spanContext();
    const events = await readAll(service.bus.subscribe(traceId));
    deepEqual(
      events.map(({ seq, type, parentSpanId }) => [seq, type, parentSpanId]),
      [
        [1, "agent.invocation.started", undefined],
        [2, "agent.model.started", spanId],
        [3, "agent.model.completed", spanId],
        [4, "agent.tool.started", spanId],
        [5, "agent.tool.completed", spanId],
        [6, "agent.invocation.completed", undefined],
        [7, "agent.terminate", undefined],
      ],
    );
    equal(service.fate(agent), "completed");
  },

  "times and durations are those of the span": () => {
    const service = new Service();
    const before = Date.now();
    const agent = service.agent("planner");
    agent.end();
    const { time } = eventOf(service.history(agent), "agent.invocation.started");
    ok(Math.abs(time - before) < 60_000, `${time} is not now`);
    const { durationMillis } = eventOf(service.history(agent), "agent.invocation.completed").data;
    ok(durationMillis >= 0 && durationMillis < 60_000, `${durationMillis} is no duration`);
  },

  "tokens are told once, by the model call that used them, and added up at the end": () => {
    const service = new Service();
    const agent = service.agent("planner");
    for (const [input, output] of [
      [7, 2],
      [5, 1],
    ] as const) {
      const model = service.model(agent);
      model.setAttributes({ "gen_ai.usage.input_tokens": input, "gen_ai.usage.output_tokens": output });
      model.end();
    }
    agent.setAttributes({ "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3 });
    agent.end();
    const used = service.history(agent).flatMap((event) => (event.type === "agent.tokens.used" ? [event.data] : []));
    deepEqual(
      used.map((data) => [data.inputTokens, data.outputTokens]),
      [
        [7, 2],
        [5, 1],
      ],
    );
    const { modelCalls, inputTokens, outputTokens } = eventOf(service.history(agent), "agent.terminate").data;
    deepEqual({ modelCalls, inputTokens, outputTokens }, { modelCalls: 2, inputTokens: 12, outputTokens: 3 });
  },

  "tokens and the finish reason are read also where the span has no room left for attributes": () => {
    const service = new Service();
    const agent = service.agent("planner");
    const model = service.model(agent);
    service.bus.stats(); // looks at what just started
    for (let index = 0; index < 200; index += 1) model.setAttribute(`filler.${index}`, index);
    model.setAttribute("gen_ai.usage.input_tokens", 7);
    model.setAttributes({ "gen_ai.response.finish_reasons": ["stop"] });
    model.end();
    agent.end();
    equal(eventOf(service.history(agent), "agent.tokens.used").data.inputTokens, 7);
    equal(eventOf(service.history(agent), "agent.model.completed").data.finishReason, "stop");
  },

  "a recorded exception and an error status fail the operation, and the agent goes on": () => {
    const service = new Service();
    const agent = service.agent("planner");
    const thrown = service.tool("search", agent);
    thrown.recordException(new TypeError("no such city"));
    thrown.setStatus({ code: SpanStatusCode.ERROR, message: "no such city" });
    thrown.end();
    const told = service.tool("map", agent);
    told.setStatus({ code: SpanStatusCode.ERROR, message: "no map" });
    told.end();
    agent.end();
    const failed = service.history(agent).flatMap((event) => (event.type === "agent.tool.failed" ? [event.data] : []));
    deepEqual(
      failed.map(({ toolName, error }) => [toolName, error.message]),
      [
        ["search", "no such city"],
        ["map", "no map"],
      ],
    );
    equal(failed[0]?.error.type, "TypeError");
    ok(!service.types(agent).includes("exception"));
    equal(service.fate(agent), "completed");
  },

  "an agent that was aborted is cancelled": () => {
    const service = new Service();
    const agent = service.agent("planner");
    agent.recordException(new DOMException("enough", "AbortError"));
    agent.setStatus({ code: SpanStatusCode.ERROR });
    agent.end();
    equal(eventOf(service.history(agent), "agent.terminate").data.reason, "cancelled");
    equal(service.fate(agent), "cancelled");
  },

  "spans that are open when their run is closed are abandoned, innermost first": () => {
    const service = new Service();
    const agent = service.agent("planner");
    const tool = service.tool("search", agent);
    service.bus.closeStream(agent.spanContext().traceId);
    const failed = service
      .history(agent)
      .flatMap((event) =>
        event.type === "agent.tool.failed" || event.type === "agent.invocation.failed" ? [event] : [],
      );
    deepEqual(
      failed.map(({ type, data }) => [type, data.error.type]),
      [
        ["agent.tool.failed", "abandoned"],
        ["agent.invocation.failed", "abandoned"],
      ],
    );
    tool.end();
    agent.end();
    const { abandonedSpans, refused, openSpans } = service.bus.stats();
    deepEqual({ abandonedSpans, refused, openSpans }, { abandonedSpans: 2, refused: 2, openSpans: 0 });
  },

  "a span that is left open is abandoned when its run is over and the grace has passed": async () => {
    const service = new Service({ closeGraceMillis: 20 });
    const agent = service.agent("planner");
    service.tool("search", agent);
    const events = service.bus.subscribe(agent.spanContext().traceId);
    agent.end();
    const types = (await readAll(events)).map(({ type }) => type);
    equal(types.at(-1), "agent.tool.failed");
    equal(service.bus.stats().abandonedSpans, 1);
  },
};
