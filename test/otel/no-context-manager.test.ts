import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { currentRunId, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { pass, readAll, Service, traceIdOf, withFakeTime } from "./support.js";

withFakeTime();

describe("without a context manager", () => {
  it("runContext and bus.run call their function and bind nothing", () => {
    const { bus } = new Service();
    expect(runContext("r", () => currentRunId())).toBeUndefined();
    expect(bus.run("r", (runId) => [runId, currentRunId()])).toEqual(["r", undefined]);
  });

  it("spans belong to the run of their trace, also inside bus.run", async () => {
    const service = new Service();
    const agent = service.bus.run("r", () => service.agent("a"));
    await pass();
    service.model({ under: agent }).end();
    agent.end();
    expect(service.fate(agent)).toBe("completed");
    expect(service.types(agent)).toHaveLength(5);
    expect(service.types("r")).toEqual([]);
  });

  it("readers of a bus.run end all the same", async () => {
    const { bus } = new Service();
    const reader = bus.subscribe("r");
    await expect(bus.run("r", async () => 7)).resolves.toBe(7);
    await pass();
    expect(await readAll(reader)).toEqual([]);
  });

  it("log events find their run by the context they are given", () => {
    const service = new Service();
    const agent = service.agent("a");
    service.logs.getLogger("app").emit({ eventName: "note", context: trace.setSpan(ROOT_CONTEXT, agent) });
    service.log("lost");
    expect(service.types(agent)).toEqual(["agent.invocation.started", "note"]);
  });

  it("nothing is active", () => {
    const service = new Service();
    const agent = service.agent("a");
    context.with(trace.setSpan(ROOT_CONTEXT, agent), () => expect(service.bus.emit("note")).toBeUndefined());
    expect(service.bus.publish({ runId: traceIdOf(agent), type: "note" })).toBeDefined();
  });
});
