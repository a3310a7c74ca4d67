import { deepEqual, doesNotThrow, equal, ok } from "node:assert/strict";
import { type Attributes, type DiagLogger, diag } from "@opentelemetry/api";
import { alwaysRecord, EventBus } from "spanbus";
import type { Behaviours } from "./behaviour.js";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  exportingTo,
  InMemorySpanExporter,
  type ReadableSpan,
  type SpanProcessor,
  TracerProvider,
} from "./sdk.js";
import { eventOf, readAll, Service } from "./service.js";

export const processors: Behaviours = {
  "a bus that comes late makes both events of a span that it sees first at its end": () => {
    const later: SpanProcessor[] = [];
    const service = new Service();
    const provider = new TracerProvider({
      spanProcessors: [
        {
          onStart: (span, parent) => later.forEach((each) => void each.onStart(span, parent)),
          onEnd: (span) => later.forEach((each) => void each.onEnd(span)),
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    });
    const attributes = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner" };
    const agent = provider.getTracer("app").startSpan("invoke_agent planner", { attributes });
    agent.addEvent("progress");
    later.push(service.bus);
    agent.end();
    deepEqual(service.types(agent), [
      "agent.invocation.started",
      "progress",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    equal(service.fate(agent), "completed");
  },

  "alwaysRecord shows the bus every run and the exporter only what was sampled": () => {
    const exporter = new InMemorySpanExporter();
    const spanProcessors = [exportingTo(exporter)];
    const unsampled = new Service({}, { sampler: alwaysRecord(new AlwaysOffSampler()), spanProcessors });
    const dropped = unsampled.agent("planner");
    unsampled.model(dropped).end();
    dropped.end();
    equal(unsampled.types(dropped).length, 5);
    equal(dropped.spanContext().traceFlags, 0);
    equal(exporter.getFinishedSpans().length, 0);

    const sampled = new Service({}, { sampler: alwaysRecord(new AlwaysOnSampler()), spanProcessors });
    sampled.agent("planner").end();
    equal(exporter.getFinishedSpans().length, 1);
  },

  "without alwaysRecord an unsampled run is no run": () => {
    const service = new Service({}, { sampler: new AlwaysOffSampler() });
    service.agent("planner").end();
    deepEqual(service.bus.runs(), []);
  },

  "the exporter behind the bus gets the span as it would without the bus": () => {
    const exported = (...spanProcessors: SpanProcessor[]) => {
      const exporter = new InMemorySpanExporter();
      const provider = new TracerProvider({ spanProcessors: [...spanProcessors, exportingTo(exporter)] });
      const span = provider.getTracer("app").startSpan("chat", { attributes: { "gen_ai.operation.name": "chat" } });
      for (let index = 0; index < 130; index += 1) span.addEvent("progress", { index });
      span.setAttributes({ answer: 42, "gen_ai.usage.input_tokens": 7 });
      span.recordException(new Error("mine"));
      span.end();
      const [first] = exporter.getFinishedSpans();
      return {
        name: first?.name,
        attributes: first?.attributes,
        events: first?.events.map(({ name, attributes }) => [name, attributes?.["index"]]),
        dropped: first?.droppedEventsCount,
      };
    };
    deepEqual(exported(new EventBus()), exported());
  },

  "the shutdown of both providers is one shutdown": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    const events = service.bus.subscribe(agent.spanContext().traceId);
    await Promise.all([service.spans.shutdown(), service.logs.shutdown()]);
    await service.bus.shutdown();
    equal(eventOf(await readAll(events), "agent.invocation.failed").data.error.type, "abandoned");
    equal((await events.ended).reason, "shutdown");
    equal(service.bus.stats().abandonedSpans, 1);
  },

  "hooks that are called after the shutdown do nothing, and what is kept can be read": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    await service.bus.shutdown();
    const before = service.types(agent);
    doesNotThrow(() => {
      service.agent("late").end();
      service.log("late", {}, agent);
      agent.addEvent("late");
      agent.end();
    });
    await service.bus.forceFlush();
    equal(service.bus.publish({ runId: "r", type: "late" }), undefined);
    deepEqual(service.types(agent), before);
    equal(service.bus.runs().length, 1);
  },

  "flushing the providers ends": async () => {
    const service = new Service();
    service.agent("planner").end();
    await Promise.all([service.spans.forceFlush(), service.logs.forceFlush()]);
  },

  "one bus that is registered twice counts once": () => {
    const bus = new EventBus();
    const service = new Service({}, { spanProcessors: [bus, bus] });
    const agent = service.agent("planner");
    agent.end();
    equal(bus.history(agent.spanContext().traceId).length, 3);
  },

  "callbacks that throw are counted and told, and the application does not notice": () => {
    const told: string[] = [];
    const hear = (message: string) => told.push(message);
    const logger: DiagLogger = { error: hear, warn: hear, info: hear, debug: hear, verbose: hear };
    diag.setLogger(logger, { suppressOverrideMessage: true });
    const mine = () => {
      throw new Error("mine");
    };
    const service = new Service({ include: mine, runId: mine, attributes: mine });
    service.bus.tap(mine);
    const agent = service.agent("planner");
    service.span("POST", {}, agent).end();
    agent.addEvent("progress");
    service.log("order.placed", {}, agent);
    doesNotThrow(() => agent.end());
    diag.disable();
    equal(service.fate(agent), "completed");
    ok(service.bus.stats().errors > 0);
    ok(
      told.some((message) => message.startsWith("spanbus: ")),
      told.join(),
    );
  },

  "a redactor that throws withholds the event, and the application does not notice": () => {
    const service = new Service({
      redact: () => {
        throw new Error("mine");
      },
    });
    const agent = service.agent("planner");
    agent.end();
    deepEqual(service.history(agent), []);
    equal(service.bus.stats().errors, 3);
  },

  "attributes are copied: what the application changes later is not seen": () => {
    const service = new Service({ attributes: ["list"] });
    const list = ["a"];
    const agent = service.span("invoke_agent a", { "gen_ai.operation.name": "invoke_agent", list });
    const [started] = service.history(agent);
    list.push("b");
    agent.setAttribute("list", ["c"]);
    deepEqual(started?.attributes, { list: ["a"] });
    agent.end();
  },

  "what a span holds beyond plain values is read where the SDK keeps it": () => {
    const service = new Service({ attributes: ["deep"] });
    const messages = [{ role: "assistant", parts: [{ type: "text", content: "sunny" }] }];
    const agent = service.agent("planner");
    const structured: Record<string, unknown> = {
      "gen_ai.output.messages": messages,
      deep: { bytes: new Uint8Array(3) },
    };
    agent.setAttributes(structured as Attributes);
    agent.end();
    const kept = (agent as unknown as ReadableSpan).attributes;
    const { data, attributes } = eventOf(service.history(agent), "agent.invocation.completed");
    equal(data.output, "gen_ai.output.messages" in kept ? JSON.stringify(messages) : undefined);
    deepEqual(attributes?.["deep"], "deep" in kept ? { bytes: "AAAA" } : undefined);
    equal(service.bus.stats().errors, 0);
  },

  "a log body of any shape is text": () => {
    const service = new Service();
    const agent = service.agent("planner");
    const bodies = ["thanks", 7, { image: new Uint8Array(3), list: [1, null, "a"] }];
    for (const body of bodies) service.record({ eventName: "note", body }, agent);
    const seen = service.history(agent).flatMap((event) => (event.type === "note" ? [event.data["body"]] : []));
    deepEqual(seen, ["thanks", "7", '{"image":"AAAA","list":[1,null,"a"]}']);
    agent.end();
  },

  "content is cut to a preview, and left out on request": () => {
    const prompt = JSON.stringify([{ role: "user", parts: [{ type: "text", content: "x".repeat(1000) }] }]);
    const input = (service: Service) => {
      const agent = service.agent("planner");
      agent.setAttribute("gen_ai.input.messages", prompt);
      agent.end();
      return eventOf(service.history(agent), "agent.invocation.started").data.input;
    };
    equal(input(new Service())?.length, 240);
    equal(input(new Service({ content: "none" })), undefined);
  },
};
