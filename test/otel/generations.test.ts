import { type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace-base";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  listen,
  pass,
  requestFrom,
  Service,
  spanIdOf,
  traceIdOf,
  withContextManager,
  withFakeTime,
} from "./support.js";

withContextManager();
withFakeTime();

const named = (runId: string) => ({ attributes: { "ai.telemetry.metadata.runId": runId } });

describe("a generation", () => {
  it("begins with the first event under a new binding after a close, and numbers from 1", () => {
    const service = new Service();
    runContext("r", () => service.agent("first").end());
    const first = service.info("r")?.generation;
    service.bus.closeStream("r");
    runContext("r", () => {});
    expect(service.info("r")?.generation).toBe(first);
    runContext("r", () => service.agent("second"));
    expect(service.info("r")).toMatchObject({ state: "open", events: 1 });
    expect(service.info("r")?.generation).not.toBe(first);
    expect(service.history("r")).toMatchObject([{ seq: 1, data: { agentName: "second" } }]);
  });

  it.each([
    ["is withheld", "secret"],
    ["has no valid type", "bus.own"],
  ])("stays sealed and keeps its events when the first event under a new binding %s", (_, type) => {
    const service = new Service({ redact: (draft) => (draft.type === "secret" ? undefined : draft) });
    runContext("r", () => service.agent("first").end());
    service.bus.closeStream("r", "completed");
    const sealed = service.bus.standing("r");
    const kept = service.history("r");
    runContext("r", () => expect(service.bus.emit(type)).toBeUndefined());
    expect(service.bus.standing("r")).toEqual(sealed);
    expect(service.history("r")).toEqual(kept);
    expect(service.bus.publish({ runId: "r", type: "note" }), "it is still sealed").toBeUndefined();
    runContext("r", () => expect(service.bus.emit("note")).toMatchObject({ seq: 1 }));
  });

  it("is one for all bindings while it is open", () => {
    const service = new Service();
    runContext("r", () => service.agent("first").end());
    runContext("r", () => service.agent("second").end());
    expect(service.history("r").map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("begins with a new local root span where nothing is bound", () => {
    const service = new Service();
    service.agent("first", named("conversation")).end();
    expect(service.fate("conversation")).toBe("completed");
    const first = service.info("conversation")?.generation;
    service.agent("second", named("conversation"));
    expect(service.fate("conversation")).toBe("open");
    expect(service.info("conversation")?.generation).not.toBe(first);
    expect(service.history("conversation")).toMatchObject([{ seq: 1, data: { agentName: "second" } }]);
  });

  it("does not begin with a span below a root that started before the close", () => {
    const service = new Service();
    const server = service.plain("GET /");
    service.agent("first", { under: server }).end();
    service.bus.closeStream(traceIdOf(server));
    service.agent("late", { under: server }).end();
    expect(service.history(server).filter(({ type }) => type === "agent.invocation.started")).toHaveLength(1);
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("does not begin with a straggler below a span that is over", () => {
    const service = new Service();
    const agent = service.agent("a");
    agent.end();
    service.tool("straggler", { under: agent }).end();
    expect(service.types(agent)).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("begins below a root that nobody saw in another trace, and not in the same one", () => {
    const sampler: Sampler = {
      shouldSample: (_context, _traceId, name) => ({
        decision: name.startsWith("POST") ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
      }),
      toString: () => "WithoutServer",
    };
    const service = new Service({}, { sampler });
    const request = service.plain("POST /");
    service.agent("first", { under: request, ...named("conversation") }).end();
    service.bus.closeStream("conversation");
    service.agent("late", { under: request, ...named("conversation") }).end();
    expect(service.types("conversation")).toHaveLength(3);
    service.agent("second", { under: service.plain("POST /"), ...named("conversation") });
    expect(service.history("conversation")).toMatchObject([{ seq: 1, data: { agentName: "second" } }]);
  });

  it("begins with a request that goes on with the trace from elsewhere", () => {
    const service = new Service();
    const agent = service.agent("first");
    agent.end();
    service.agent("second", { under: requestFrom({ traceId: traceIdOf(agent), spanId: spanIdOf(agent) }) });
    expect(service.fate(agent)).toBe("open");
    expect(service.event(agent, "agent.invocation.started").data.agentName).toBe("second");
  });

  it("does not begin with publish or emit: closed is sealed", () => {
    const service = new Service();
    runContext("r", () => service.agent("a").end());
    service.bus.closeStream("r");
    expect(service.bus.publish({ runId: "r", type: "note" })).toBeUndefined();
    expect(service.fate("r")).toBe("completed");
    expect(service.bus.stats().refused).toBe(1);
  });

  it("begins with an emit under a new binding", () => {
    const service = new Service();
    runContext("r", () => service.agent("a").end());
    service.bus.closeStream("r");
    runContext("r", () => expect(service.bus.emit("note")).toMatchObject({ seq: 1, type: "note" }));
  });

  it("begins with a publish under a new binding of the same id", () => {
    const service = new Service();
    service.bus.closeStream("r");
    runContext("r", () => expect(service.bus.publish({ runId: "r", type: "note" })).toMatchObject({ seq: 1 }));
  });

  it("begins with a log event under a new binding", () => {
    const service = new Service();
    service.bus.closeStream("r");
    runContext("r", () => service.log("note"));
    expect(service.types("r")).toEqual(["note"]);
  });

  it("owns the spans that started in it: their ends do not reach the next one", () => {
    const service = new Service();
    const first = runContext("r", () => service.agent("first"));
    service.bus.closeStream("r");
    const second = runContext("r", () => service.agent("second"));
    first.end();
    expect(service.types("r")).toEqual(["agent.invocation.started"]);
    second.end();
    expect(service.event("r", "agent.invocation.completed").spanId).toBe(second.spanContext().spanId);
  });

  it("owns the children of its spans: they do not reach the next one either", () => {
    const service = new Service();
    const first = runContext("r", () => service.agent("first"));
    service.bus.closeStream("r");
    runContext("r", () => service.agent("second"));
    service.tool("late", { under: first }).end();
    expect(service.types("r")).toEqual(["agent.invocation.started"]);
  });

  it("is told by a name that no other run and no other bus has", () => {
    const [one, two] = [new Service(), new Service()];
    for (const { bus } of [one, two]) for (const runId of ["a", "b"]) bus.publish({ runId, type: "note" });
    const generations = [one, two].flatMap(({ bus }) => bus.runs().map(({ generation }) => generation));
    expect(new Set(generations).size).toBe(4);
  });

  it("is announced when it begins and when it ends", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    for (const name of ["first", "second"]) service.bus.run("r", () => service.agent(name).end());
    await pass();
    service.bus.run("r", () => service.agent("third").end());
    await pass();
    expect(heard.filter((word) => word.endsWith(" r") || word.includes("closed"))).toEqual([
      "opened r",
      "closed r completed",
      "opened r",
      "closed r completed",
    ]);
  });

  it("of a sealed run is what a reader without a cursor gets, until the next one begins", async () => {
    const service = new Service();
    service.bus.run("r", () => service.agent("first").end());
    await pass();
    const cursor = service.history("r").at(-1)?.id ?? "";
    service.bus.run("r", () => service.agent("second").end());
    await pass();
    const reader = service.bus.subscribe("r", { after: cursor });
    expect((await reader.next()).value).toMatchObject({ type: "bus.gap", data: { reason: "generation" } });
    expect((await reader.next()).value).toMatchObject({ seq: 1, data: { agentName: "second" } });
    reader.close();
  });
});

describe("`dropHistory`", () => {
  it("forgets the generations before, too: who reads one of them ends as dropped", async () => {
    const { bus } = new Service();
    const opened = (runId = "r"): string | undefined => runContext(runId, () => bus.emit("note"))?.id.split(".")[0];
    const other = opened("other r");
    bus.closeStream("other r");
    opened("other r");
    const first = opened();
    const reader = bus.subscribe("r");
    bus.closeStream("r");
    opened();
    expect(bus.standing("r", first)).toMatchObject({ state: "closed" });
    expect(bus.dropHistory("r")).toBe(true);
    expect(reader.size).toBe(0);
    expect(await reader.ended).toEqual({ reason: "dropped" });
    expect(bus.standing("r", first)).toBeUndefined();
    expect(bus.standing("other r", other)).toMatchObject({ state: "closed" });
  });
});
