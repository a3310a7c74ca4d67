import type { Span } from "@opentelemetry/api";
import { type BusEvent, type EventBusOptions, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { listen, pass, Service, spanIdOf, traceIdOf, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

describe("a tap that is told of a span", () => {
  it("may start and end spans itself: order and pairs stay", () => {
    const service = new Service();
    service.bus.tap((event) => {
      if (event.type !== "agent.invocation.started") return;
      service.tool("reaction", { attributes: { "ai.telemetry.metadata.runId": "side" } }).end();
    });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    model.end();
    agent.end();
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "agent.model.started",
      "agent.model.completed",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(service.types("side")).toEqual(["agent.tool.started", "agent.tool.completed"]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, errors: 0 });
  });

  it("may start a child of the very span it is told of", () => {
    const service = new Service();
    const heard = listen(service.bus);
    const agent = service.agent("a");
    service.bus.tap(({ type }) => {
      if (type === "agent.model.started") service.tool("child", { under: agent }).end();
    });
    service.model({ under: agent }).end();
    agent.end();
    expect(heard.filter((word) => word.startsWith("agent."))).toEqual(service.types(agent));
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, errors: 0 });
  });

  it("may end a span that is only beginning, when it is told of chunks that wait", () => {
    const service = new Service();
    const made: Span[] = [];
    service.bus.tap((event) => event.type === "agent.model.chunk" && made[1]?.end());
    const model = service.model();
    made.push(model);
    service.bus.stats();
    const chunk = {
      runId: traceIdOf(model),
      type: "agent.model.chunk",
      spanId: spanIdOf(model),
      data: { text: "hello" },
    };
    service.bus.publish(chunk);
    made.push(service.tool("t", { under: model }));
    service.bus.stats();
    for (const span of made) span.end();
    expect(service.types(model)).toEqual([
      "agent.model.started",
      "agent.tool.started",
      "agent.tool.completed",
      "agent.model.completed",
    ]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, refused: 0 });
  });

  it("may end the span whose start it is told of", () => {
    const service = new Service();
    const spans: Span[] = [];
    service.bus.tap(({ type }) => {
      if (type === "agent.invocation.started") spans[0]?.end();
    });
    const agent = service.agent("a");
    spans.push(agent);
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, refused: 0 });
  });

  it.each([
    ["closes", (service: Service, runId: string) => service.bus.closeStream(runId)],
    ["drops", (service: Service, runId: string) => service.bus.dropHistory(runId)],
  ])("may be one that %s the run at its first event", async (_what, act) => {
    const service = new Service();
    service.bus.tap((event) => {
      if (event.type === "agent.invocation.started") act(service, event.runId);
    });
    const agent = service.agent("a");
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, errors: 0 });
    await pass(10_000);
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, errors: 0 });
  });

  it.each<[string, (service: Service, runId: string) => void, string]>([
    ["close the run", (service, runId) => service.bus.closeStream(runId), "closed %s abandoned"],
    ["drop the run", (service, runId) => service.bus.dropHistory(runId), "closed %s unknown"],
    ["shut the bus down", (service) => void service.bus.shutdown(), "closed %s abandoned"],
  ])("may %s at the end of a span, which then ends once, as it did", (_what, act, last) => {
    const service = new Service();
    const agent = service.agent("a");
    service.bus.tap(({ type, runId }) => {
      if (type === "agent.tool.completed") act(service, runId);
    });
    const heard = listen(service.bus);
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(heard).toEqual([
      "agent.tool.started",
      "agent.tool.completed",
      "agent.invocation.failed",
      "agent.terminate",
      last.replace("%s", traceIdOf(agent)),
    ]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, abandonedSpans: 1 });
  });

  it("ends once, also when a callback closes the run that is asked about its end", () => {
    const service = new Service({
      redact: (draft) => {
        if (draft.type === "agent.tool.completed") service.bus.closeStream(draft.runId);
        return draft;
      },
    });
    const agent = service.agent("a");
    const tool = service.tool("t", { under: agent });
    service.model({ under: tool });
    tool.end();
    agent.end();
    expect(service.types(agent).slice(3)).toEqual([
      "agent.model.failed",
      "agent.tool.failed",
      "agent.invocation.failed",
      "agent.terminate",
    ]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, abandonedSpans: 3 });
  });

  it.each<[string, (close: (event: { type: string; runId: string }) => void) => Service]>([
    [
      "redact",
      (close) => {
        const redact: NonNullable<EventBusOptions["redact"]> = (draft) => {
          close(draft);
          return draft;
        };
        return new Service({ redact });
      },
    ],
    [
      "where",
      (close) => {
        const service = new Service();
        const where = (event: BusEvent): boolean => {
          close(event);
          return true;
        };
        service.bus.subscribeGlobal({ where });
        return service;
      },
    ],
  ])("neither starts nor ends in a run that `%s` closes when it is asked about its start", (_what, serve) => {
    const service = serve(({ type, runId }) => {
      if (type === "agent.tool.started") service.bus.closeStream(runId);
    });
    const agent = service.agent("a");
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.failed", "agent.terminate"]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, abandonedSpans: 1 });
  });

  it.each(["dropHistory", "closeStream"] as const)(
    "may drop the run while `%s` ends it: its end is told once",
    (end) => {
      const service = new Service();
      const agent = service.agent("a");
      service.bus.tap(({ type, runId }) => {
        if (type === "agent.invocation.failed") service.bus.dropHistory(runId);
      });
      const heard = listen(service.bus);
      expect(service.bus[end](traceIdOf(agent))).toBe(true);
      expect(heard).toEqual(["agent.invocation.failed", `closed ${traceIdOf(agent)} unknown`]);
      expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, retainedRuns: 0 });
    },
  );

  it("may shut the bus down", () => {
    const service = new Service();
    service.bus.tap(({ type }) => {
      if (type === "agent.tool.started") void service.bus.shutdown();
    });
    const agent = service.agent("a");
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, errors: 0 });
  });

  it("may throw: the application and the other taps do not notice", () => {
    const service = new Service();
    service.bus.tap(() => {
      throw new Error("mine");
    });
    const heard = listen(service.bus);
    const agent = service.agent("a");
    expect(() => agent.end()).not.toThrow();
    expect(heard).toHaveLength(5);
    expect(service.bus.stats().errors).toBe(3);
    expect(service.fate(agent)).toBe("completed");
  });

  it("may run an agent of its own in a run of its own", async () => {
    const service = new Service();
    service.bus.tap(({ type, runId }) => {
      if (type === "agent.terminate" && runId === "r") service.bus.run("review", () => service.agent("reviewer").end());
    });
    service.bus.run("r", () => service.agent("a").end());
    await pass();
    await pass();
    expect([service.fate("r"), service.fate("review")]).toEqual(["completed", "completed"]);
  });
});

function also<T>(act: () => void, result: T): T {
  act();
  return result;
}

describe("a callback that decides", () => {
  it.each<[string, (act: () => void) => EventBusOptions]>([
    ["redact", (act) => ({ redact: (draft) => also(act, draft) })],
    ["include", (act) => ({ include: () => also(act, false) })],
    ["runId", (act) => ({ runId: () => also(act, undefined) })],
    ["attributes", (act) => ({ attributes: () => also(act, false) })],
  ])("(%s) cannot publish: what it tries is refused, and nothing recurs without end", (_name, options) => {
    const made: Service[] = [];
    const service = new Service(
      options(() => {
        made[0]?.bus.publish({ runId: "side", type: "note" });
        runContext("side", () => made[0]?.bus.emit("note"));
      }),
    );
    made.push(service);
    const agent = service.agent("a", { attributes: { k: 1 } });
    service.plain("POST", { under: agent }).end();
    agent.end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
    expect(service.types("side")).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, errors: 0 });
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("may close the run when it is asked about chunks that wait: the end of the model is counted, not told", () => {
    const made: Service[] = [];
    const runIds: string[] = [];
    const service = new Service({
      redact: (draft) => {
        if (draft.type === "agent.model.chunk") for (const runId of runIds) made[0]?.bus.closeStream(runId);
        return draft;
      },
    });
    made.push(service);
    const model = service.model();
    service.bus.stats();
    runIds.push(traceIdOf(model));
    const data = { text: "hello" };
    service.bus.publish({ runId: traceIdOf(model), type: "agent.model.chunk", spanId: spanIdOf(model), data });
    model.end();
    expect(service.types(model)).toEqual(["agent.model.started", "agent.model.failed"]);
    expect(service.bus.stats({ details: true }).details?.refused).toMatchObject({ sealed: 1, ended: 1 });
    expect(service.bus.stats()).toMatchObject({ abandonedSpans: 1, openSpans: 0, activeRuns: 0 });
  });

  it.each<[string, (act: () => void) => EventBusOptions]>([
    ["redact", (act) => ({ redact: (draft) => also(act, draft) })],
    ["include", (act) => ({ include: () => also(act, true) })],
    ["runId", (act) => ({ runId: () => also(act, undefined) })],
    ["attributes", (act) => ({ attributes: () => also(act, false) })],
  ])(
    "(%s) may end the span that it is asked about, and the one around it: that is told when its turn comes",
    (name, options) => {
      for (const isAround of [false, true]) {
        const made: Span[] = [];
        const service = new Service(options(() => made.length > 1 && made[isAround ? 0 : 1]?.end()));
        made.push(service.agent("a"));
        service.bus.stats();
        made.push(name === "include" ? service.plain("x", { under: made[0] }) : service.tool("t", { under: made[0] }));
        service.bus.stats();
        for (const span of made) span.end();
        for (const span of made) {
          const own = service.history(made[0] ?? "").filter(({ spanId }) => spanId === spanIdOf(span));
          const phases = own.map(({ type }) => type.split(".").at(-1)).filter((phase) => phase !== "terminate");
          expect([isAround, ...phases]).toEqual([isAround, "started", "completed"]);
        }
        expect(service.bus.stats()).toMatchObject({ openSpans: 0, refused: 0, errors: 0 });
      }
    },
  );

  it("may start a span that goes on: it is counted as refused, and neither its start nor its end is told", () => {
    const begun: Span[] = [];
    const made: Service[] = [];
    const service = new Service({
      runId: () => {
        for (const each of begun.length > 0 ? [] : made) {
          begun.push(each.tool("inside", { root: true }));
          each.bus.stats();
        }
        return undefined;
      },
    });
    made.push(service);
    const agent = service.agent("a");
    service.bus.stats();
    for (const span of [...begun, agent]) span.end();
    expect(begun).toHaveLength(1);
    expect(service.bus.runs()).toHaveLength(1);
    expect(service.types(agent)).toHaveLength(3);
    expect(service.bus.stats({ details: true }).details?.refused).toMatchObject({ nested: 1 });
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0, refused: 1 });
  });

  it("may start a span, which is classified when its turn comes", () => {
    const made: Service[] = [];
    let done = false;
    const service = new Service({
      runId: () => {
        if (!done) {
          done = true;
          made[0]?.tool("inside").end();
        }
        return undefined;
      },
    });
    made.push(service);
    const agent = service.agent("a");
    expect(() => agent.end()).not.toThrow();
    expect(service.types(agent)).toHaveLength(3);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
  });
});

describe("emit", () => {
  it("inside an agent has its place in the tree, below a span that is no event too", () => {
    const service = new Service();
    const agent = service.agent("a");
    const http = service.plain("POST", { under: agent });
    within(http, () => service.bus.emit("note", { n: 1 }));
    expect(service.history(agent).at(-1)).toMatchObject({
      type: "note",
      traceId: traceIdOf(agent),
      spanId: http.spanContext().spanId,
      parentSpanId: agent.spanContext().spanId,
    });
  });

  it("follows the start of the span that is active", () => {
    const service = new Service();
    const agent = service.agent("a");
    within(agent, () => service.bus.emit("note"));
    expect(service.types(agent)).toEqual(["agent.invocation.started", "note"]);
  });
});
