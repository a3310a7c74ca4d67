import { deepEqual, equal } from "node:assert/strict";
import type { Behaviours } from "./behaviour.js";
import { Service } from "./service.js";

export const events: Behaviours = {
  "a span event is published the moment it is added": () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.bus.stats(); // looks at what just started
    const heard: [string, unknown][] = [];
    service.bus.tap(({ type, data }) => heard.push([type, data]));
    agent.addEvent("progress", { percent: 50 });
    deepEqual(heard, [["progress", { percent: 50 }]]);
    agent.end();
    equal(service.types(agent).filter((type) => type === "progress").length, 1);
  },

  "a span event that is older than the span's first look comes right behind its start": () => {
    const service = new Service();
    const agent = service.agent("planner");
    agent.addEvent("early");
    agent.end();
    deepEqual(service.types(agent).slice(0, 2), ["agent.invocation.started", "early"]);
  },

  "more span events than a span keeps are all published": () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.bus.stats(); // looks at what just started
    for (let index = 0; index < 200; index += 1) agent.addEvent("progress", { index });
    agent.end();
    const seen = service.history(agent).flatMap((event) => (event.type === "progress" ? [event.data.index] : []));
    deepEqual(
      seen,
      Array.from({ length: 200 }, (_, index) => index),
    );
  },

  "a log event has its place on the span it was emitted in": () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.log("order.placed", { orderId: 7 }, agent);
    const event = service.history(agent).at(-1);
    deepEqual([event?.type, event?.data], ["order.placed", { orderId: 7 }]);
    equal(event?.spanId, agent.spanContext().spanId);
    agent.end();
  },

  "a log event may be named by its attribute": () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.record({ attributes: { "event.name": "order.placed", orderId: 7 }, body: "thanks" }, agent);
    deepEqual(service.history(agent).at(-1)?.data, { orderId: 7, body: "thanks" });
    agent.end();
  },

  "a log event without a run is no event, unless agents have such": () => {
    const service = new Service();
    const http = service.span("POST", {});
    service.log("order.placed", {}, http);
    equal(service.bus.stats().published, 0);
    service.log("gen_ai.evaluation.result", { "gen_ai.evaluation.name": "tone" }, http);
    deepEqual(service.types(http), ["gen_ai.evaluation.result"]);
    http.end();
  },

  "what comes both as span event and as log event is published once, whichever is first": () => {
    const service = new Service();
    const agent = service.agent("planner");
    service.bus.stats(); // looks at what just started
    agent.addEvent("first.as.span");
    service.log("first.as.span", {}, agent);
    service.log("first.as.log", {}, agent);
    agent.addEvent("first.as.log");
    agent.addEvent("first.as.log");
    agent.end();
    deepEqual(
      service.types(agent).filter((type) => type.startsWith("first")),
      ["first.as.span", "first.as.log", "first.as.log"],
    );
  },

  "the events of a run that nobody samples come by the logs": () => {
    const service = new Service();
    service.bus.run("r", () => service.log("order.placed", { orderId: 7 }));
    deepEqual(service.types("r"), ["order.placed"]);
  },
};
