import { deepEqual, equal, ok } from "node:assert/strict";
import { metrics } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { EventBus } from "spanbus";
import { connect, EndpointError } from "spanbus/client";
import { type Convention, defaultConventions } from "spanbus/conventions";
import { createHandler } from "spanbus/http";
import { observeEventBus } from "spanbus/metrics";
import { RedisError, RedisEventSource, RedisRelay } from "spanbus/redis";
import type { Behaviours } from "./behaviour.js";
import { eventOf, readAll, Service } from "./service.js";

/** A reader of metrics that keeps what it was last given. */
class Collector extends MetricReader {
  readonly values = new Map<string, unknown>();

  protected override async onForceFlush(): Promise<void> {
    const { resourceMetrics } = await this.collect();
    for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
      const value = dataPoints[0]?.value;
      this.values.set(descriptor.name, typeof value === "object" ? value.count : value);
    }
  }

  protected override async onShutdown(): Promise<void> {
    await this.onForceFlush();
  }
}

const shown = ["spanbus.event.published", "spanbus.history.event.count", "gen_ai.execute_tool.duration"];

export const outlets: Behaviours = {
  "metrics reach the reader of a meter provider, and once more at the shutdown": async () => {
    const service = new Service();
    const collector = new Collector();
    const meterProvider = new MeterProvider({ readers: [collector] });
    observeEventBus(service.bus, { meterProvider, agentMetrics: true });
    const agent = service.agent("planner");
    service.tool("search", agent).end();
    await collector.forceFlush();
    deepEqual(
      shown.map((name) => collector.values.get(name)),
      [3, 3, 1],
    );
    agent.end();
    await Promise.all([service.spans.shutdown(), meterProvider.shutdown()]);
    equal(collector.values.get("spanbus.event.published"), 5);
  },

  "metrics reach a global meter provider that comes after the observation": async () => {
    const bus = new EventBus();
    observeEventBus(bus);
    const collector = new Collector();
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [collector] }));
    bus.publish({ runId: "r", type: "tick" });
    await collector.forceFlush();
    metrics.disable();
    equal(collector.values.get("spanbus.event.published"), 1);
  },

  "a run is read over HTTP": async () => {
    const service = new Service();
    const handler = createHandler(service.bus, { authorize: (request) => request.headers.get("x-team") === "ops" });
    const ask = (path: string, team = "ops") =>
      handler(new Request(`http://localhost${path}`, { headers: { "x-team": team } }));
    const agent = service.agent("planner");
    agent.end();
    const { traceId } = agent.spanContext();
    const { runs } = (await (await ask("/runs")).json()) as { runs: { runId: string; outcome: string }[] };
    deepEqual(
      runs.map(({ runId, outcome }) => [runId, outcome]),
      [[traceId, "completed"]],
    );
    equal((await ask("/runs", "sales")).status, 403);
    const text = await (await ask(`/runs/${traceId}/events`)).text();
    equal(text.match(/^id: /gm)?.length, 4);
    ok(text.includes('event: end\ndata: {"reason":"closed","outcome":"completed"}'), text);
  },

  "another process reads a run live by the client": async () => {
    const service = new Service();
    const handler = createHandler(service.bus, { authorize: () => true });
    const client = connect("http://localhost", { fetch: (url, init) => handler(new Request(url, init)) });
    const agent = service.agent("planner");
    const events = client.subscribe(agent.spanContext().traceId);
    const first = await events.next();
    equal(first.value?.type, "agent.invocation.started");
    agent.end();
    deepEqual(
      (await readAll(events)).map(({ seq }) => seq),
      [2, 3],
    );
    deepEqual(await events.ended, { reason: "closed", outcome: "completed" });
    ok(EndpointError.prototype instanceof Error);
  },

  "an own convention goes in front of all others": () => {
    const mine: Convention = {
      name: "kitchen",
      claims: [{ by: "attribute", key: "kitchen.work", operations: { cook: "tool" } }],
      fields: { toolName: ["kitchen.dish"] },
    };
    const service = new Service({ conventions: [mine, ...defaultConventions] });
    const agent = service.agent("planner");
    service.span("cook soup", { "kitchen.work": "cook", "kitchen.dish": "soup" }, agent).end();
    agent.end();
    equal(eventOf(service.history(agent), "agent.tool.completed").data.toolName, "soup");
  },

  "the Redis door opens without a Redis": () => {
    ok(RedisRelay.prototype && RedisEventSource.prototype && RedisError.prototype instanceof Error);
  },
};
