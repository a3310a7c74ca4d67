import { context, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import { runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { listen, pass, Service, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

const named = (runId: string) => ({ "ai.telemetry.metadata.runId": runId });

/** A span whose context is known by its ids only, without what was bound around it. */
const lost = (span: Span) => trace.setSpan(ROOT_CONTEXT, span);

/** All that an agent may go on with, below the span. */
function goOn(service: Service, span: Span): void {
  context.with(lost(span), () => {
    const client = service.plain("POST");
    within(client, () => {
      service.model().end();
      service.log("note");
    });
    client.addEvent("gen_ai.live");
    client.end();
    service.log("gen_ai.choice");
    expect(service.bus.emit("note")).toBeUndefined();
  });
}

/** The bus does nothing but refuse so many times while this is done. */
function expectRefused({ bus }: Service, times: number, act: () => void): void {
  const refused = () => bus.stats({ details: true }).details?.refused.sealed ?? 0;
  const [runs, before, heard] = [bus.runs(), refused(), listen(bus)];
  act();
  expect(heard).toEqual([]);
  expect(bus.runs()).toEqual(runs);
  expect(refused() - before).toBe(times);
}

describe("what begins below a span of a sealed run", () => {
  it("is refused, by the name its agent gave the run, while the agent works on", () => {
    const service = new Service();
    const server = service.plain("POST /ask");
    const agent = service.agent("a", { under: server, attributes: named("r") });
    const tool = service.tool("t", { under: agent });
    const client = service.plain("GET", { under: tool });
    service.bus.closeStream("r", "cancelled");
    for (const span of [agent, tool, client]) expectRefused(service, 5, () => goOn(service, span));
  });

  it("is refused when the trace is over as well", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named("r") });
    const client = service.plain("GET", { under: agent });
    client.end();
    agent.end();
    for (const span of [agent, client]) expectRefused(service, 5, () => goOn(service, span));
  });

  it("is refused where a binding was lost on the way", async () => {
    const service = new Service();
    const agent = await service.bus.run("r", async () => service.agent("a"));
    agent.end();
    await pass();
    expect(service.fate("r")).toBe("completed");
    expectRefused(service, 5, () => goOn(service, agent));
  });

  it("is refused where the runId option knows the agent alone", () => {
    const service = new Service({ runId: ({ name }) => (name.startsWith("invoke_agent") ? "r" : undefined) });
    const agent = service.agent("a");
    service.bus.closeStream("r", "cancelled");
    expectRefused(service, 5, () => goOn(service, agent));
  });

  it("is refused below what was refused", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named("r") });
    agent.end();
    const late = service.tool("late", { under: agent });
    const later = service.agent("later", { under: late });
    expectRefused(service, 5, () => goOn(service, later));
    for (const span of [later, late]) span.end();
    expectRefused(service, 10, () => {
      goOn(service, later);
      goOn(service, late);
    });
  });

  it("is refused below one that came too late for its run", () => {
    const service = new Service();
    const server = service.plain("POST /ask");
    service.agent("first", { under: server, attributes: named("r") });
    service.bus.closeStream("r", "cancelled");
    const again = service.agent("again", { under: server, attributes: named("r") });
    expectRefused(service, 5, () => goOn(service, again));
  });

  it("is of another run that is bound there, and so is what is below that", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named("r") });
    agent.end();
    const other = runContext("other", () => service.agent("b", { under: agent }));
    service.model({ under: lost(other) }).end();
    expect(service.types("other")).toEqual([
      "agent.invocation.started",
      "agent.model.started",
      "agent.model.completed",
    ]);
  });

  it("is not beside it: that goes on by the trace", () => {
    const service = new Service();
    const server = service.plain("POST /ask");
    service.agent("a", { under: server, attributes: named("r") }).end();
    service.bus.closeStream("r");
    service.model({ under: server }).end();
    within(server, () => service.bus.emit("note"));
    server.end();
    expect(service.types(server)).toEqual(["agent.model.started", "agent.model.completed", "note"]);
    expect(service.bus.stats().refused).toBe(0);
  });

  it("is taken again once the run was dropped, and its seal with it", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes: named("r") });
    agent.end();
    service.bus.dropHistory("r");
    service.model({ under: agent }).end();
    expect(service.types(agent)).toEqual(["agent.model.started", "agent.model.completed"]);
  });

  it("is refused also when the run lives again", () => {
    const service = new Service();
    const agent = service.agent("first", { attributes: named("r") });
    agent.end();
    service.agent("second", { attributes: named("r") });
    expectRefused(service, 5, () => goOn(service, agent));
  });

  it("is known of the newest, as many as may be open", () => {
    const service = new Service({ maxOpenSpans: 2 });
    const agents = [1, 2, 3].map((number) => service.agent("a", { attributes: named(`r${number}`) }));
    for (const agent of agents) agent.end();
    for (const agent of agents) service.model({ under: agent }).end();
    expect(agents.map((agent) => service.types(agent).length)).toEqual([2, 0, 0]);
  });
});
