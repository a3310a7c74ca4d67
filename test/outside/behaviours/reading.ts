import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { EventBus, EventBusError } from "spanbus";
import type { Behaviours } from "./behaviour.js";
import { eventOf, readAll, Service } from "./service.js";

export const reading: Behaviours = {
  "a reader gets the history, then live events, then the end": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.tool("search", agent).end();
    const events = service.bus.subscribe(agent.spanContext().traceId);
    service.tool("map", agent).end();
    const reading = readAll(events);
    await Promise.resolve();
    agent.end();
    deepEqual(
      (await reading).map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6, 7],
    );
    deepEqual(await events.ended, { reason: "closed", outcome: "completed" });
  },

  "a reader comes back behind the last event it had": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    const runId = agent.spanContext().traceId;
    service.tool("search", agent).end();
    const [started] = service.bus.history(runId, { limit: 3 });
    const resumed = service.bus.subscribe(runId, { after: started?.id ?? "" });
    agent.end();
    deepEqual(
      (await readAll(resumed)).map(({ seq }) => seq),
      [2, 3, 4, 5],
    );
  },

  "a reader of all runs sees each begin and end": async () => {
    const service = new Service();
    const events = service.bus.subscribeGlobal({ types: ["bus.run.*", "agent.terminate"] });
    const [first, second] = [service.agent("a"), service.agent("b")];
    first.end();
    second.end();
    service.bus.closeGlobal();
    const seen = (await readAll(events)).map(({ type, runId }) => [
      type,
      runId === first.spanContext().traceId ? "a" : "b",
    ]);
    deepEqual(seen, [
      ["bus.run.opened", "a"],
      ["bus.run.opened", "b"],
      ["agent.terminate", "a"],
      ["bus.run.closed", "a"],
      ["agent.terminate", "b"],
      ["bus.run.closed", "b"],
    ]);
  },

  "a batch is everything that waits": async () => {
    const service = new Service();
    const agent = service.agent("planner");
    const batches = service.bus.subscribe(agent.spanContext().traceId).batches();
    service.tool("search", agent).end();
    agent.end();
    const sizes: number[] = [];
    for await (const batch of batches) sizes.push(batch.length);
    deepEqual(sizes, [5]);
  },

  "a reader that falls behind loses its oldest events and is told how many": async () => {
    const service = new Service({ maxQueueSize: 2 });
    const agent = service.agent("planner");
    const events = service.bus.subscribe(agent.spanContext().traceId, { after: "live" });
    for (const name of ["a", "b"]) service.tool(name, agent).end();
    agent.end();
    const read = await readAll(events);
    deepEqual(eventOf(read, "bus.gap").data.missed, 4);
    deepEqual(
      read.slice(1).map(({ type }) => type),
      ["agent.invocation.completed", "agent.terminate"],
    );
    equal(events.dropped, 4);
  },

  "break, abort and close end a reader, and nothing of it stays": async () => {
    const bus = new EventBus();
    bus.publish({ runId: "r", type: "tick" });
    for await (const event of bus.subscribe("r")) {
      equal(event.type, "tick");
      break;
    }
    const controller = new AbortController();
    const aborted = bus.subscribe("r", { signal: controller.signal });
    controller.abort();
    equal((await aborted.ended).reason, "aborted");
    const closed = bus.subscribeGlobal();
    closed.close();
    equal((await closed.ended).reason, "returned");
    const { runSubscribers, globalSubscribers } = bus.stats();
    deepEqual({ runSubscribers, globalSubscribers }, { runSubscribers: 0, globalSubscribers: 0 });
  },

  "events cannot be changed, and one reader too many is refused by its code": () => {
    const bus = new EventBus({ maxGlobalSubscribers: 1 });
    const event = bus.publish({ runId: "r", type: "tick", data: { deep: { n: 1 } } });
    ok(
      Object.isFrozen(event) &&
        Object.isFrozen(event?.data) &&
        Object.isFrozen(event?.type === "tick" && event.data.deep),
    );
    bus.subscribeGlobal();
    throws(
      () => bus.subscribeGlobal(),
      (error) => error instanceof EventBusError && error.code === "SPANBUS_SUBSCRIBER_LIMIT",
    );
    throws(() => new EventBus({ maxRuns: 0 }), RangeError);
  },
};
