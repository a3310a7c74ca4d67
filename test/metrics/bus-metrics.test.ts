import { readFileSync } from "node:fs";
import { type DiagLogger, diag, metrics } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType } from "@opentelemetry/sdk-metrics";
import { EventBus, type EventBusOptions } from "spanbus";
import { observeEventBus } from "spanbus/metrics";
import { afterEach, describe, expect, it } from "vitest";
import { busTable, figures } from "../../src/bus/stats.js";
import { publishNote, publishNotes, read, restoreAfterEach } from "../bus/support.js";
import { pass, Service, withFakeTime } from "../otel/support.js";
import { type Collector, metering, promised } from "./support.js";

restoreAfterEach();
afterEach(() => {
  metrics.disable();
  diag.disable();
});

/** What is said to `diag` from here on. */
function diagnostics(): string[] {
  const told: string[] = [];
  const say = (level: string) => (message: string) => void told.push(`${level} ${message}`);
  const logger: DiagLogger = {
    error: say("error"),
    warn: say("warn"),
    info: () => {},
    debug: () => {},
    verbose: () => {},
  };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  return told;
}

const table = busTable.figures;

/** A bus to which everything happened that is counted. */
async function eventful(options: EventBusOptions = {}): Promise<Service> {
  const service = new Service({
    maxQueueSize: 4,
    maxRuns: 2,
    maxGlobalSubscribers: 2,
    redact: (draft) => (draft.type === "secret" ? undefined : draft),
    ...options,
  });
  const { bus } = service;
  const taken = bus.subscribe("a");
  bus.subscribe("a");
  const all = bus.subscribeGlobal();
  bus.subscribeGlobal();
  expect(() => bus.subscribeGlobal()).toThrow("maxGlobalSubscribers");
  publishNotes(bus, "a", 1, 6);
  await read(taken, 2);
  await read(all, 3);
  bus.tap(() => {
    throw new Error("from a tap");
  });
  bus.publish({ runId: "a", type: "bus.mine" });
  bus.publish({ runId: "", type: "note" });
  bus.publish({ runId: "a", type: "secret" });
  publishNote(bus, "b", 1);
  bus.closeStream("b");
  bus.publish({ runId: "b", type: "note" });
  bus.emit("note");
  const late = service.tool("late");
  await bus.forceFlush();
  bus.closeStream(late.spanContext().traceId);
  late.end();
  service.model();
  await bus.forceFlush();
  return service;
}

describe("`observeEventBus`", () => {
  it("reports every figure of the table, split as it says", async () => {
    const { provider, collector } = metering();
    const { bus } = await eventful();
    observeEventBus(bus, { meterProvider: provider });
    await collector.look();
    const stats = bus.stats({ depths: false, details: true });
    const expected = promised(busTable, stats);
    for (const { metric, attributes, value } of expected) {
      expect(collector.value(metric, attributes), `${metric} ${JSON.stringify(attributes)}`).toBe(value);
    }
    const points = collector.metrics.flatMap(({ dataPoints }): readonly unknown[] => dataPoints);
    expect(points).toHaveLength(expected.length);
    // Nothing above was compared with zero alone.
    const silent = Object.keys(figures).filter((figure) => stats[figure as keyof typeof figures] === 0);
    expect(silent).toEqual([]);
    expect(stats.details).toMatchObject({
      dropped: { run: { lagged: 4 }, global: { lagged: expect.any(Number) } },
      refused: { invalid: 2, sealed: 1, withheld: 1, unkeyed: 1, ended: 1, nested: 0, shutdown: 0 },
      rejectedSubscribers: { run: 0, global: 1 },
      queueCapacity: { run: 8, global: 8 },
      queueUtilization: { run: 1, global: 1 },
    });
  });

  it("names instruments, units and descriptions as the table does", async () => {
    const { provider, collector } = metering();
    observeEventBus(new EventBus(), { meterProvider: provider });
    await collector.look();
    const monotonic = { counter: true, upDownCounter: false, gauge: undefined };
    for (const { metric, instrument, unit } of Object.values(table)) {
      const data = collector.metric(metric);
      expect(data.descriptor).toMatchObject({ unit, description: expect.stringMatching(/^[A-Z].*\.$/) });
      expect(data.dataPointType).toBe(instrument === "gauge" ? DataPointType.GAUGE : DataPointType.SUM);
      if (data.dataPointType === DataPointType.SUM) expect(data.isMonotonic).toBe(monotonic[instrument]);
      expect(metric).toMatch(/^spanbus(\.[a-z_]+)+$/);
      expect(metric).not.toMatch(/total|s$/);
      expect(unit).toMatch(/^(\{[a-z]+\}|By|1)$/);
    }
  });

  it("says which component of the process it is", async () => {
    const { provider, collector } = metering();
    const named = new EventBus();
    observeEventBus(named, { meterProvider: provider, name: "checkout" });
    await collector.look();
    expect(collector.points("spanbus.event.published").map(({ attributes }) => attributes)).toEqual([
      { "otel.component.type": "spanbus.EventBus", "otel.component.name": "checkout" },
    ]);
    const [scope] = (await collector.collect()).resourceMetrics.scopeMetrics;
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(scope?.scope).toMatchObject({ name: "spanbus", version });
  });

  it("tells two buses apart, and counts each", async () => {
    const { provider, collector } = metering();
    const [one, two] = [new EventBus(), new EventBus()];
    observeEventBus(one, { meterProvider: provider });
    observeEventBus(two, { meterProvider: provider });
    publishNotes(one, "run", 1, 3);
    publishNotes(two, "run", 1, 5);
    await collector.look();
    const published = collector.points("spanbus.event.published");
    expect(published.map(({ value }) => value)).toEqual([3, 5]);
    const names = published.map(({ attributes }) => String(attributes["otel.component.name"]));
    expect(names).toEqual([
      expect.stringMatching(/^spanbus\.EventBus\/\d+$/),
      expect.stringMatching(/^spanbus\.EventBus\/\d+$/),
    ]);
    expect(new Set(names).size).toBe(2);
  });

  it("keeps the name of a bus, also in a second provider", async () => {
    const [first, second] = [metering(), metering()];
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: first.provider });
    observeEventBus(bus, { meterProvider: second.provider });
    const nameIn = (collector: Collector) =>
      collector.points("spanbus.event.published")[0]?.attributes["otel.component.name"];
    expect(nameIn(await second.collector.look())).toBe(nameIn(await first.collector.look()));
  });

  it("observed twice in one provider counts nothing twice", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: provider });
    observeEventBus(bus, { meterProvider: provider });
    publishNotes(bus, "run", 1, 3);
    expect((await collector.look()).value("spanbus.event.published")).toBe(3);
  });

  it("gives each of two readers its own, whatever their temporality", async () => {
    const { provider, collectors } = metering(AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA);
    const [cumulative, delta] = collectors as [Collector, Collector];
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: provider });
    const published = async (collector: Collector) => (await collector.look()).value("spanbus.event.published");
    publishNotes(bus, "run", 1, 3);
    expect([await published(cumulative), await published(delta)]).toEqual([3, 3]);
    publishNotes(bus, "run", 4, 5);
    expect([await published(delta), await published(cumulative)]).toEqual([2, 5]);
    expect([await published(delta), await published(cumulative)]).toEqual([0, 5]);
    bus.subscribeGlobal();
    for (const collector of collectors) {
      await collector.look();
      expect(collector.value("spanbus.subscriber.count", { "spanbus.subscriber.scope": "global" })).toBe(1);
    }
  });

  it("carries the last values in the export at shutdown, when bus and provider go down together", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: provider });
    publishNotes(bus, "run", 1, 7);
    await Promise.all([bus.shutdown(), provider.shutdown()]);
    expect(collector.value("spanbus.event.published")).toBe(7);
    expect(collector.value("spanbus.run.count", { "spanbus.run.state": "open" })).toBe(0);
  });

  it("has the same series after 5,000 runs as before", async () => {
    const { provider, collector } = metering();
    const service = new Service();
    observeEventBus(service.bus, { meterProvider: provider });
    const series = async () =>
      (await collector.look()).metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes }) => `${descriptor.name} ${JSON.stringify(attributes)}`),
      );
    const before = await series();
    for (let n = 0; n < 5000; n += 1) {
      service.bus.run(`run-${n}`, () => service.agent(`agent-${n}`, { attributes: { "user.id": `user-${n}` } }).end());
      if (n % 1000 === 0) await service.bus.forceFlush();
    }
    await service.bus.forceFlush();
    expect(await series()).toEqual(before);
    expect(collector.value("spanbus.event.published")).toBeGreaterThan(5000);
    expect(JSON.stringify(before)).not.toMatch(/run-\d|user-\d|agent-\d/);
  });

  it("tells two buses apart that were given one name, and says so", async () => {
    const { provider, collector } = metering();
    const told = diagnostics();
    const [one, two] = [new EventBus(), new EventBus()];
    observeEventBus(one, { meterProvider: provider, name: "orders" });
    const second = observeEventBus(two, { meterProvider: provider, name: "orders" });
    publishNotes(one, "run", 1, 3);
    publishNotes(two, "run", 1, 5);
    await collector.look();
    const published = (name: string) => collector.value("spanbus.event.published", { "otel.component.name": name });
    expect([published("orders"), published("orders/1")]).toEqual([3, 5]);
    expect(told).toEqual(['warn spanbus: another spanbus.EventBus is observed as "orders", so this one is "orders/1"']);
    second.close();
    observeEventBus(new EventBus(), { meterProvider: provider, name: "orders/1" });
    expect((await collector.look()).value("spanbus.event.published", { "otel.component.name": "orders/1" })).toBe(0);
    expect(told).toHaveLength(1);
  });

  it("that is closed leaves counters where they are and levels at 0, for readers that repeat what they saw", async () => {
    const { provider, collector } = metering();
    const { bus } = await eventful();
    const observation = observeEventBus(bus, { meterProvider: provider, name: "closed" });
    await collector.look();
    const before = bus.stats({ depths: false, details: true });
    observation.close();
    observation.close();
    publishNotes(bus, "more", 1, 3);
    await collector.look();
    const levels = new Set<string>(
      Object.values(table).flatMap(({ metric, instrument }) => (instrument === "counter" ? [] : [metric])),
    );
    for (const { metric, attributes, value } of promised(busTable, before)) {
      expect(collector.value(metric, attributes), metric).toBe(levels.has(metric) ? 0 : value);
    }
  });

  it("goes on under the same name when it is observed again", async () => {
    const { provider, collector } = metering();
    const [one, two] = [new EventBus(), new EventBus()];
    const published = async () => (await collector.look()).value("spanbus.event.published");
    const options = { meterProvider: provider, name: "bus" };
    {
      using _ = observeEventBus(one, options);
      publishNotes(one, "run", 1, 3);
      expect(await published()).toBe(3);
    }
    observeEventBus(one, options).close();
    const again = observeEventBus(one, options);
    publishNotes(one, "run", 4, 5);
    expect(await published()).toBe(5);
    again.close();
    observeEventBus(two, options);
    publishNote(two, "run", 1);
    expect(await published()).toBe(1);
  });

  it("closes only its own share of a bus that is observed twice", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    const first = observeEventBus(bus, { meterProvider: provider });
    observeEventBus(bus, { meterProvider: provider });
    first.close();
    first.close();
    publishNotes(bus, "run", 1, 3);
    expect((await collector.look()).value("spanbus.event.published")).toBe(3);
  });
});

describe("a meter provider that throws", () => {
  const throwing = {
    getMeter: () => {
      throw new Error("no meter");
    },
  };

  it("throws nothing into the application, and is told to `diag`", () => {
    const told = diagnostics();
    const bus = new EventBus();
    observeEventBus(bus, { meterProvider: throwing }).close();
    expect(told).toEqual(["error spanbus: the meter provider failed, so there may be no metrics"]);
    expect(bus.stats().errors).toBe(0);
  });

  it("is told once when it comes late, and asked no more", () => {
    const told = diagnostics();
    const bus = new EventBus();
    observeEventBus(bus);
    metrics.setGlobalMeterProvider(throwing);
    publishNotes(bus, "run", 1, 3);
    expect(told).toEqual(["error spanbus: the meter provider failed, so there may be no metrics"]);
    expect(bus.stats().errors).toBe(0);
  });

  describe("while nothing happens", () => {
    withFakeTime();

    it("harms nobody either", async () => {
      const told = diagnostics();
      observeEventBus(new EventBus());
      metrics.setGlobalMeterProvider(throwing);
      await pass(5000);
      expect(told).toHaveLength(1);
    });
  });
});

describe("a meter provider that is registered after the bus is observed", () => {
  it("gets the metrics at the first event", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus, { agentMetrics: true });
    metrics.setGlobalMeterProvider(provider);
    await provider.forceFlush();
    expect(collector.metrics).toEqual([]);
    bus.publish({ runId: "run", type: "agent.invocation.started", spanId: "1", data: { agentName: "planner" } });
    await provider.forceFlush();
    expect(collector.value("spanbus.event.published")).toBe(1);
    expect(collector.value("spanbus.agent.run.active"), "the event that found it is not missed").toBe(1);
  });

  it("gets them when it comes in the middle of a run, with all that was counted before", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus);
    publishNotes(bus, "run", 1, 3);
    metrics.setGlobalMeterProvider(provider);
    publishNote(bus, "run", 4);
    await provider.forceFlush();
    expect(collector.value("spanbus.event.published")).toBe(4);
  });

  it("gets nothing once the observation was closed", async () => {
    const { provider, collector } = metering();
    const bus = new EventBus();
    observeEventBus(bus).close();
    metrics.setGlobalMeterProvider(provider);
    publishNote(bus, "run", 1);
    await provider.forceFlush();
    expect(collector.metrics).toEqual([]);
  });

  describe("when nothing happens", () => {
    withFakeTime();

    it("gets them within a second", async () => {
      const { provider, collector } = metering();
      observeEventBus(new EventBus());
      metrics.setGlobalMeterProvider(provider);
      await pass(1000);
      await provider.forceFlush();
      expect(collector.value("spanbus.event.published")).toBe(0);
    });
  });
});

describe("a mistake in the call", () => {
  const bus = new EventBus();
  it.each<[string, () => unknown, string]>([
    ["no bus", () => observeEventBus(undefined as never), "`bus` must be an EventBus, got undefined"],
    ["something else", () => observeEventBus({} as never), "`bus` must be an EventBus, got [object Object]"],
    ["options that are none", () => observeEventBus(bus, 1 as never), "`options` must be an object, got 1"],
    [
      "a provider that is none",
      () => observeEventBus(bus, { meterProvider: "global" as never }),
      '`meterProvider` must be a MeterProvider, got "global"',
    ],
    ["a name of a wrong type", () => observeEventBus(bus, { name: 7 as never }), "`name` must be a string, got 7"],
    ["an empty name", () => observeEventBus(bus, { name: "" }), "`name` must be 1 to 256 characters"],
    [
      "a flag that is none",
      () => observeEventBus(bus, { agentMetrics: "yes" as never }),
      '`agentMetrics` must be true or false, got "yes"',
    ],
  ])("%s: says what is allowed and what was given", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
