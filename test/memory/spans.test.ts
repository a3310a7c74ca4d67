import { context, type Span, SpanStatusCode } from "@opentelemetry/api";
import { EventBus, runContext } from "spanbus";
import { afterEach, describe, expect, it } from "vitest";
import { Service, spanIdOf, traceIdOf, withContextManager, within } from "../otel/support.js";
import { collectGarbage, heapKeptBy, isCollected } from "./garbage.js";

withContextManager();

const buses: EventBus[] = [];
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.shutdown();
});

/** A service whose bus goes on, with a run open, whatever becomes of the spans. */
function serviceInUse(options: ConstructorParameters<typeof Service>[0] = {}): Service {
  const service = new Service(options);
  service.bus.publish({ runId: "busy", type: "note" });
  buses.push(service.bus);
  return service;
}

const weakly = (...spans: Span[]): WeakRef<Span>[] => spans.map((span) => new WeakRef(span));
const readable = (span: Span) => span as Span & Parameters<EventBus["onEnd"]>[0];
const nextJobs = () => new Promise((resolve) => setImmediate(resolve));

/** What an application does with spans before it lets go of them. */
type Story = (service: Service) => WeakRef<Span>[] | Promise<WeakRef<Span>[]>;

const stories: Readonly<Record<string, Story>> = {
  "an event": (service) => {
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    const tool = service.tool("t", { under: agent });
    for (const span of [tool, model, agent]) span.end();
    return weakly(agent, model, tool);
  },

  "an event of a run that goes on": (service) => {
    const tool = runContext("open", () => service.tool("t"));
    tool.end();
    expect(service.fate("open")).toBe("open");
    return weakly(tool);
  },

  "no event": (service) => {
    const request = service.plain("GET /");
    request.end();
    return weakly(request);
  },

  "no event, with another started before it ended": (service) => {
    const request = service.plain("GET /");
    const query = service.plain("SELECT", { under: request });
    query.end();
    request.end();
    return weakly(request, query);
  },

  "no event, inside a run that goes on": (service) =>
    runContext("open", () => {
      const tool = service.tool("t");
      const request = service.plain("GET /", { under: tool });
      service.bus.stats();
      request.end();
      tool.end();
      return weakly(tool, request);
    }),

  "an event, ended while it was held": (service) => {
    const tool = runContext("open", () => service.tool("t"));
    tool.end();
    return weakly(tool);
  },

  "the last that started, and was classified by nothing but the promise job": async (service) => {
    const tool = runContext("open", () => service.tool("t"));
    await nextJobs();
    expect(service.types("open")).toEqual(["agent.tool.started"]);
    tool.end();
    return weakly(tool);
  },

  "abandoned at the close of its run, and ended afterwards": (service) => {
    const tool = runContext("r", () => service.tool("t"));
    service.bus.closeStream("r");
    expect(service.types("r")).toEqual(["agent.tool.started", "agent.tool.failed"]);
    tool.end();
    return weakly(tool);
  },

  "never ended, but its run was closed": (service) => {
    const [tool, request] = runContext("r", () => [service.tool("t"), service.plain("GET /")]);
    service.bus.closeStream("r");
    return weakly(tool as Span, request as Span);
  },

  "never ended, in a run that goes on": (service) => {
    const tool = runContext("open", () => service.tool("t"));
    expect(service.info("open")?.openSpans).toBe(1);
    return weakly(tool);
  },

  "never ended, of a run whose history was dropped": (service) => {
    const tool = runContext("r", () => service.tool("t"));
    service.bus.dropHistory("r");
    return weakly(tool);
  },

  "ended twice": (service) => {
    const tool = runContext("open", () => service.tool("t"));
    tool.end();
    service.bus.onEnd(readable(tool));
    expect(service.bus.stats().refused).toBe(1);
    return weakly(tool);
  },

  "started twice": (service) => {
    const tool = runContext("open", () => service.tool("t"));
    service.bus.onStart(readable(tool));
    service.bus.onStart(readable(tool));
    tool.end();
    return weakly(tool);
  },

  "seen first at its end": (service) => {
    const elsewhere = new Service();
    const tool = elsewhere.tool("t");
    tool.end();
    service.bus.onEnd(readable(tool));
    expect(service.types(tool)).toContain("agent.tool.completed");
    return weakly(tool);
  },

  "logged in": (service) =>
    runContext("open", () => {
      const tool = service.tool("t");
      service.log("order.placed", { on: tool, attributes: { n: 1 } });
      within(tool, () => service.log("exception", { attributes: { "exception.message": "broken" } }));
      tool.end();
      service.log("order.shipped", { on: tool });
      expect(service.types("open")).toContain("order.shipped");
      return weakly(tool);
    }),

  "watched for span events and attributes": (service) =>
    runContext("open", () => {
      const model = service.model();
      service.bus.stats();
      model.addEvent("progress");
      model.setAttribute("gen_ai.usage.input_tokens", 7);
      model.setAttributes({ "gen_ai.response.finish_reasons": ["stop"] });
      model.recordException(new Error("broken"));
      model.setStatus({ code: SpanStatusCode.ERROR });
      model.end();
      model.addEvent("too late");
      expect(service.types("open")).toContain("progress");
      return weakly(model);
    }),

  "told in chunks, the last of which waits to be joined": (service) =>
    runContext("open", () => {
      const model = service.model();
      within(model, () => service.bus.emit("agent.model.chunk", { text: "a" }));
      service.bus.publish({ runId: "open", type: "agent.model.chunk", spanId: spanIdOf(model), data: { text: "b" } });
      model.end();
      within(model, () => service.bus.emit("agent.model.chunk", { text: "c" }));
      return weakly(model);
    }),

  "watched by two buses": (service) => {
    const other = new EventBus();
    buses.push(other);
    const both = new Service({}, { spanProcessors: [service.bus, other] });
    buses.push(both.bus);
    const tool = runContext("open", () => both.tool("t"));
    tool.end();
    return weakly(tool);
  },

  "active while everything that takes time was set: runs, readers, chunks": (service) => {
    const agent = service.agent("a");
    within(agent, () => {
      service.bus.emit("note");
      service.bus.emit("agent.model.chunk", { text: "a" });
      service.bus.subscribe("busy", { idleTimeoutMillis: 500_000 });
      service.bus.subscribeGlobal();
      service.bus.publish({ runId: "another", type: "note" });
    });
    agent.end();
    return weakly(agent);
  },

  "active around `run`, and its parent": async (service) => {
    const agent = service.agent("a");
    const tool = await within(agent, () => service.bus.run("inner", async () => service.tool("t")));
    tool.end();
    agent.end();
    return weakly(agent, tool);
  },
};

describe("a span is held by nobody when the application lets go of it:", { timeout: 30_000 }, () => {
  it.each(Object.entries(stories))("%s", async (_, story) => {
    const service = serviceInUse();
    for (const [index, span] of (await story(service)).entries()) {
      expect(await isCollected(span), `span ${index + 1}`).toBe(true);
    }
    expect(service.bus.stats().activeRuns).toBeGreaterThan(0);
  });

  it("of a service that asks for every span by `include` and names its runs by `runId`", async () => {
    const service = serviceInUse({ include: "all", runId: () => "open", acceptRemoteRun: true });
    const use = () => {
      const request = service.plain("GET /");
      const query = service.plain("SELECT", { under: request });
      query.end();
      request.end();
      return weakly(request, query);
    };
    for (const span of use()) expect(await isCollected(span)).toBe(true);
  });

  it("one given up for `maxOpenSpans`, and those open", async () => {
    const service = serviceInUse({ maxOpenSpans: 1 });
    const use = () => runContext("open", () => weakly(service.tool("a"), service.tool("b"), service.plain("GET /")));
    for (const span of use()) expect(await isCollected(span)).toBe(true);
  });

  it("one that ended around a span that goes on, whose kind shows only at its end and then asks `runId` for its run", async () => {
    const asked: unknown[] = [];
    const service = serviceInUse({
      runId: (_, place) => {
        asked.push(place);
        return "r";
      },
    });
    const begin = () => {
      const request = service.plain("GET /");
      const work = service.plain("work", { under: request });
      service.bus.stats();
      request.end();
      return { work, request };
    };
    const beginAndForget = () => weakly(...Object.values(begin()));
    for (const span of beginAndForget()) expect(await isCollected(span)).toBe(true);
    const { work } = begin();
    await collectGarbage();
    work.setAttribute("gen_ai.operation.name", "execute_tool");
    work.end();
    expect(service.types("r")).toEqual(["agent.tool.started", "agent.tool.completed"]);
    expect(asked, "the context it started in").toEqual([expect.objectContaining({ getValue: expect.any(Function) })]);
    expect(asked[0]).not.toBe(context.active());
  });

  it("of all that ended, by the count of the collector", async () => {
    const service = serviceInUse();
    let collected = 0;
    const registry = new FinalizationRegistry<undefined>(() => {
      collected += 1;
    });
    const use = () => {
      for (let n = 0; n < 500; n += 1) {
        const agent = service.agent("a");
        const model = service.model({ under: agent });
        const request = service.plain("POST", { under: model });
        for (const span of [agent, model, request]) registry.register(span, undefined);
        for (const span of [request, model, agent]) span.end();
      }
      expect(traceIdOf(service.plain("last"))).toHaveLength(32);
    };
    use();
    for (let round = 0; round < 10 && collected < 1500; round += 1) await collectGarbage(1);
    expect(collected).toBe(1500);
  });
});

describe("a log record is held by nobody", { timeout: 30_000 }, () => {
  it("once it was emitted, although none came after it", async () => {
    const service = serviceInUse();
    const emit = () => {
      const record = { eventName: "order.placed", attributes: { n: 1 }, body: "x".repeat(1000) };
      runContext("open", () => service.bus.onEmit(record, context.active()));
      expect(service.types("open")).toEqual(["order.placed"]);
      return new WeakRef(record);
    };
    expect(await isCollected(emit())).toBe(true);
  });
});

describe("what the bus remembers of ended spans, for late children to find their parent,", { timeout: 30_000 }, () => {
  it("goes with their run, although a span of the trace never ends", async () => {
    const service = serviceInUse({ maxRuns: 1, historyPerRun: 1 });
    const play = (runs: number) => {
      for (let n = 0; n < runs; n += 1) {
        runContext(`r${n}`, () => {
          const request = service.plain("GET /");
          for (let tool = 0; tool < 50; tool += 1) service.tool("t", { under: request }).end();
        });
        service.bus.closeStream(`r${n}`);
      }
    };
    play(100);
    const kept = await heapKeptBy(() => play(200));
    expect(kept / 200, "bytes for each run, of 50 ended spans").toBeLessThan(12_000);
  });
});
