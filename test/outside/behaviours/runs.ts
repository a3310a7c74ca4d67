import { deepEqual, equal, rejects } from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { currentRunId, emit, getEventBus, resetEventBus, runContext, setEventBus } from "spanbus";
import type { Behaviours } from "./behaviour.js";
import { readAll, Service } from "./service.js";

export const runs: Behaviours = {
  "run binds across await, and closes when everything in it is over": async () => {
    const service = new Service();
    const events = service.bus.subscribe("r");
    const answer = await service.bus.run("r", async (runId) => {
      await setTimeout(1);
      const agent = service.agent("planner");
      await Promise.resolve();
      service.bus.emit("note", { runId, current: currentRunId() });
      agent.end();
      return 42;
    });
    equal(answer, 42);
    const types = (await readAll(events)).map(({ type }) => type);
    deepEqual(types, ["agent.invocation.started", "note", "agent.invocation.completed", "agent.terminate"]);
    deepEqual(service.history("r")[1]?.data, { runId: "r", current: "r" });
    equal((await events.ended).outcome, "completed");
  },

  "run fails with what its function throws, and hands it on": async () => {
    const service = new Service();
    const events = service.bus.subscribe("r");
    const failing = service.bus.run("r", async () => {
      await Promise.resolve();
      throw new Error("mine");
    });
    await rejects(failing, { message: "mine" });
    equal((await events.ended).outcome, "failed");
  },

  "a run in a run has a name of its own, and knows the one around it": async () => {
    const service = new Service();
    const inner = service.bus.run("outer", () => service.bus.run(() => service.bus.emit("note")?.runId));
    equal(service.bus.runs().find(({ runId }) => runId === inner)?.parentRunId, "outer");
  },

  "runContext binds across await and closes nothing": async () => {
    const service = new Service();
    await runContext("r", async () => {
      await setTimeout(1);
      service.agent("planner").end();
      equal(currentRunId(), "r");
    });
    equal(service.fate("r"), "open");
    service.bus.closeStream("r", "completed");
    equal(service.fate("r"), "completed");
    equal(currentRunId(), undefined);
  },

  "a span of an HTTP call hands its run on to the agent under it": () => {
    const service = new Service();
    const http = runContext("r", () => service.span("POST", {}));
    const agent = service.agent("planner", http);
    agent.end();
    http.end();
    equal(service.history("r").length, 3);
    equal(service.bus.runOf(agent.spanContext().traceId), "r");
  },

  "the run travels to another process in its headers, and is taken there only on request": () => {
    const propagator = new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    });
    propagation.setGlobalPropagator(propagator);
    const caller = new Service();
    const headers: Record<string, string> = {};
    const agent = runContext("run/1", () => caller.agent("planner"));
    runContext("run/1", () => propagation.inject(trace.setSpan(context.active(), agent), headers), { propagate: true });
    const arrived = propagation.extract(ROOT_CONTEXT, headers);
    propagation.disable();

    const trusting = new Service({ acceptRemoteRun: true });
    trusting.tool("search", arrived).end();
    deepEqual(
      trusting.history("run/1").map(({ type, parentSpanId }) => [type, parentSpanId]),
      [
        ["agent.tool.started", agent.spanContext().spanId],
        ["agent.tool.completed", agent.spanContext().spanId],
      ],
    );
    equal(trusting.fate("run/1"), "open");

    const wary = new Service();
    wary.tool("search", arrived).end();
    deepEqual(wary.types("run/1"), []);
    deepEqual(wary.types(agent), ["agent.tool.started", "agent.tool.completed"]);
  },

  "the baggage of another run is not sent along": () => {
    const inner = runContext(
      "outer",
      () => runContext("inner", () => propagation.getBaggage(context.active())?.getEntry("spanbus.run.id")),
      { propagate: true },
    );
    equal(inner, undefined);
  },

  "the bus of the process is one": () => {
    const service = new Service();
    setEventBus(service.bus);
    equal(getEventBus(), service.bus);
    runContext("r", () => emit("note"));
    deepEqual(service.types("r"), ["note"]);
    resetEventBus();
  },

  "a sealed run takes nothing more, and the next of its name is a new one": () => {
    const service = new Service();
    const agent = runContext("r", () => service.agent("planner"));
    service.bus.closeStream("r");
    const sealed = service.types("r");
    agent.addEvent("late");
    agent.end();
    deepEqual(service.types("r"), sealed);
    runContext("r", () => service.agent("planner"));
    deepEqual(service.types("r"), ["agent.invocation.started"]);
  },
};
