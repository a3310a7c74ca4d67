import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { pass, readAll, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

describe("a run without an event for idleTimeoutMillis", () => {
  it.each([
    ["published", (service: Service) => service.bus.publish({ runId: "r", type: "note" })],
    ["bound by a context", (service: Service) => runContext("r", () => service.agent("a"))],
    ["bound by a call", (service: Service) => service.bus.run("r", () => service.agent("a"))],
    ["named", (service: Service) => service.agent("a", { attributes: { "ai.telemetry.metadata.runId": "r" } })],
  ])("is closed as idle when it is %s", async (_how, begin) => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    begin(service);
    await pass(4999);
    expect(service.fate("r")).toBe("open");
    await pass(1);
    expect(service.fate("r")).toBe("idle");
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, openSpans: 0 });
  });

  it("gives up the span that never ended and ends its readers", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    const agent = service.agent("a");
    const reader = service.bus.subscribe(agent.spanContext().traceId);
    await pass(5000);
    expect((await readAll(reader)).map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "agent.invocation.failed",
      "agent.terminate",
    ]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "idle" });
  });

  it("is sealed: what the agent does afterwards is refused", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    const agent = service.agent("a");
    await pass(5000);
    const before = service.history(agent);
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.history(agent)).toEqual(before);
  });

  it("does not stand in the way of the next generation", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    runContext("r", () => service.agent("first"));
    await pass(5000);
    runContext("r", () => service.agent("second").end());
    expect(service.history("r").map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});

describe("a long agent that keeps talking", () => {
  it.each([
    ["its tools", (service: Service, agent: ReturnType<Service["agent"]>) => service.tool("t", { under: agent }).end()],
    ["its span events", (_service: Service, agent: ReturnType<Service["agent"]>) => agent.addEvent("progress")],
    [
      "its log events",
      (service: Service, agent: ReturnType<Service["agent"]>) => service.log("progress", { on: agent }),
    ],
  ])("by %s is never cut", async (_how, talk) => {
    const service = new Service({ idleTimeoutMillis: 5000, closeGraceMillis: 1000 });
    const agent = service.agent("a");
    for (let hour = 0; hour < 20; hour += 1) {
      await pass(4000);
      talk(service, agent);
    }
    expect(service.fate(agent)).toBe("open");
    agent.end();
    expect(service.fate(agent)).toBe("completed");
  });

  it("by chunks that are not kept is never cut either", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    const agent = service.agent("a");
    const model = service.model({ under: agent });
    for (let chunk = 0; chunk < 20; chunk += 1) {
      await pass(4000);
      service.log("agent.model.chunk", { on: model, attributes: { text: "word " } });
    }
    expect(service.fate(agent)).toBe("open");
  });

  it("does not keep silent ones open", async () => {
    const service = new Service({ idleTimeoutMillis: 5000 });
    const [talking, silent] = [service.agent("talking"), service.agent("silent")];
    for (let hour = 0; hour < 3; hour += 1) {
      await pass(4000);
      talking.addEvent("progress");
    }
    expect([service.fate(talking), service.fate(silent)]).toEqual(["open", "idle"]);
  });
});
