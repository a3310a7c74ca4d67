import { diag } from "@opentelemetry/api";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { EventBus } from "spanbus";
import { type Observed, observe, observeEventBus } from "spanbus/metrics";
import type { RedisEventSource, RedisRelay } from "spanbus/redis";
import { afterEach, describe, expect, it } from "vitest";
import { relayTable } from "../../src/redis/relay/relay-stats.js";
import { sourceTable } from "../../src/redis/source/source-stats.js";
import { dataOf, publishNote, publishNotes, range, read, readOne, readToEnd, shown } from "../bus/support.js";
import { clientNames } from "../redis/clients.js";
import { until } from "../redis/contract.js";
import { hasRedis, RedisServer } from "../redis/redis-server.js";
import { servedStage } from "../redis/stage.js";
import { metering, promised } from "./support.js";

afterEach(() => diag.disable());

/** What the metrics of a relay or a source say is what its `stats()` say, before and after the look. */
async function expectMetrics(observed: Observed): Promise<void> {
  const { provider, collector } = metering();
  const name = "orders";
  using _ = observe(observed, { meterProvider: provider, name });
  const before = promised(observed.figures, observed.stats({ details: true }));
  await collector.look();
  const after = promised(observed.figures, observed.stats({ details: true }));
  for (const [index, { metric, attributes, value }] of before.entries()) {
    const component = { "otel.component.type": observed.figures.component, "otel.component.name": name };
    const points = collector.points(metric, { ...attributes, ...component });
    expect(points, metric).toHaveLength(1);
    const [shown = Number.NaN] = points.map((point) => point.value);
    const bounds = [value, after[index]?.value ?? Number.NaN];
    expect(shown, metric).toBeGreaterThanOrEqual(Math.min(...bounds));
    expect(shown, metric).toBeLessThanOrEqual(Math.max(...bounds));
  }
  expect(collector.metrics.flatMap(({ dataPoints }): readonly unknown[] => dataPoints)).toHaveLength(before.length);
  await provider.shutdown();
}

describe.runIf(hasRedis()).each(clientNames)("the figures of a relay and a source through %s", (client) => {
  const { stages, one, other } = servedStage(client);
  const servers: RedisServer[] = [];
  afterEach(async () => {
    for (const each of servers.splice(0)) await each.stop();
  });

  async function expectAll(relay: RedisRelay, source: RedisEventSource): Promise<void> {
    await expectMetrics(relay);
    await expectMetrics(source);
  }

  it("say what passed, and what is held", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 7, maxBytes: 5000 } });
    const source = stages.source(other);
    await expectAll(relay, source);
    const [first, second, all] = [source.subscribe("r"), source.subscribe("r"), source.subscribeGlobal()];
    await Promise.all([first.attached, second.attached, all.attached]);
    publishNotes(bus, "r", 1, 3);
    expect(relay.stats()).toMatchObject({ queuedEvents: 3, queuedBytes: expect.any(Number), openRuns: 1 });
    expect(relay.stats().queuedBytes).toBeGreaterThan(100);
    publishNote(bus, "s", 1);
    await relay.flush();
    await read(first, 3);
    await read(all, 6);
    expect(relay.stats()).toEqual({
      relayed: 4,
      lost: { outbox: 0, refused: 0, sealed: 0, closed: 0 },
      errors: 0,
      reconnects: 0,
      queuedEvents: 0,
      maxQueuedEvents: 7,
      queuedBytes: 0,
      maxQueuedBytes: 5000,
      lagSeconds: 0,
      openRuns: 2,
    });
    expect(source.stats()).toMatchObject({
      delivered: 9,
      fetched: 0,
      gaps: { lagged: 0, evicted: 0, generation: 0, cut: 0 },
      reconnects: 0,
      runSubscribers: 2,
      globalSubscribers: 1,
      followedRuns: 1,
    });
    const { lagSeconds } = source.stats();
    expect(lagSeconds).toBeGreaterThanOrEqual(0);
    expect(lagSeconds).toBeLessThan(30);
    await expectAll(relay, source);
    bus.closeStream("s");
    first.close();
    second.close();
    expect(relay.stats().openRuns).toBe(1);
    expect(source.stats()).toMatchObject({ runSubscribers: 0, followedRuns: 0 });
    await expectAll(relay, source);
  });

  it("say of an outage how long events waited, and that it is over", async () => {
    const away = await RedisServer.start({ persistent: true });
    servers.push(away);
    const bus = stages.bus();
    const relay = stages.relay(bus, await stages.connect(away.url, client));
    const source = stages.source(await stages.connect(away.url, client), { lookMillis: 50 });
    const reader = source.subscribe("r");
    publishNote(bus, "r", 1);
    await readOne(reader);
    await away.kill();
    publishNote(bus, "r", 2);
    await until(() => relay.stats().errors > 0 && source.stats().errors > 0);
    publishNote(bus, "r", 3);
    const { lagSeconds, queuedEvents, queuedBytes } = relay.stats();
    expect(lagSeconds).toBeGreaterThan(0);
    expect(queuedEvents).toBe(2);
    expect(queuedBytes).toBeGreaterThan(0);
    await until(() => relay.stats().lagSeconds > lagSeconds + 0.1);
    await expectAll(relay, source);
    await away.start();
    expect(shown(await read(reader, 2))).toEqual([2, 3]);
    await relay.flush();
    expect(relay.stats()).toMatchObject({ relayed: 3, reconnects: 1, queuedEvents: 0, queuedBytes: 0, lagSeconds: 0 });
    await until(() => source.stats().reconnects > 0);
    await expectAll(relay, source);
  });

  it("say how long an event was on its way, and how many were fetched because no message came", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one);
    const source = stages.source(other);
    const reader = source.subscribe("r");
    await reader.attached;
    await one.command("CLIENT", "PAUSE", "150", "WRITE");
    publishNote(bus, "r", 1);
    await readOne(reader);
    expect(source.stats().lagSeconds).toBeGreaterThan(0.1);
    for (let n = 2; source.stats().fetched === 0; n += 1) {
      await one.command("CLIENT", "KILL", "TYPE", "pubsub");
      publishNote(bus, "r", n);
      await relay.flush();
      await readOne(reader);
    }
    await until(() => source.stats().reconnects > 0);
    expect(source.stats().gaps.cut).toBe(0);
    await expectAll(relay, source);
  });

  it("say what a full outbox gave up, and that readers were told", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { outbox: { maxEvents: 10 } });
    const source = stages.source(other);
    const [reader, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await Promise.all([reader.attached, all.attached]);
    publishNotes(bus, "r", 1, 25);
    await relay.flush();
    expect(shown(await read(reader, 11))).toEqual(["gap 15", ...range(16, 25)]);
    await read(all, 12);
    expect(relay.stats()).toMatchObject({ relayed: 10, lost: { outbox: 15 } });
    expect(source.stats()).toMatchObject({ published: 21, delivered: 21, gaps: { cut: 2 } });
    await expectAll(relay, source);
  });

  it("say what was refused, sealed, or left behind at the close", async () => {
    const [bus, guest] = [stages.bus(), stages.bus()];
    const [relay, guestRelay] = [stages.relay(bus, one), stages.relay(guest, other)];
    publishNote(bus, "r", 1);
    await relay.flush();
    publishNote(guest, "r", 2);
    await guestRelay.flush();
    bus.closeStream("r", "completed");
    await relay.flush();
    publishNotes(guest, "r", 3, 5);
    await guestRelay.flush();
    await one.command("SET", "spanbus:{s}:meta", "not a run");
    publishNotes(guest, "s", 1, 2);
    await guestRelay.flush();
    expect(guestRelay.stats()).toMatchObject({ relayed: 1, errors: 1, lost: { refused: 2, sealed: 3, outbox: 0 } });
    await one.command("CLIENT", "PAUSE", "1000", "WRITE");
    publishNotes(guest, "t", 1, 4);
    await guestRelay.close({ timeoutMillis: 50 });
    expect(guestRelay.stats()).toMatchObject({
      lost: { closed: 4 },
      queuedEvents: 0,
      queuedBytes: 0,
      lagSeconds: 0,
      openRuns: 0,
    });
    await expectMetrics(guestRelay);
  });

  it("say what slow readers lost, who came too late, and who found no place", async () => {
    const bus = stages.bus();
    const relay = stages.relay(bus, one, { historyPerRun: 3 });
    const source = stages.source(other, { maxQueueSize: 4, maxRunSubscribers: 2, maxGlobalSubscribers: 1 });
    const [slow, all] = [source.subscribe("r"), source.subscribeGlobal()];
    await Promise.all([slow.attached, all.attached]);
    expect(() => source.subscribeGlobal()).toThrow("maxGlobalSubscribers");
    publishNotes(bus, "r", 1, 10);
    await relay.flush();
    await until(() => source.stats().published === 21);
    expect(source.stats({ details: true })).toMatchObject({
      dropped: 13,
      details: { dropped: { run: { lagged: 6 }, global: { lagged: 7 } }, rejectedSubscribers: { run: 0, global: 1 } },
    });
    expect(source.stats().gaps.lagged).toBe(0);
    const told = await readOne(slow);
    expect(dataOf(told)).toMatchObject({ missed: 6, reason: "lagged" });
    const [generation] = told.id.split(".");
    const late = source.subscribe("r", { after: `${generation}.2` });
    expect(dataOf(await readOne(late))).toMatchObject({ reason: "evicted", missed: 5 });
    late.close();
    const lost = source.subscribe("r", { after: "nowhere.2" });
    expect(dataOf(await readOne(lost))).toMatchObject({ reason: "generation" });
    expect(source.stats().gaps).toEqual({ lagged: 1, evicted: 1, generation: 1, cut: 0 });
    await expectAll(relay, source);
  });

  it("stay the same series whatever runs there are, with the names of no run", async () => {
    const { provider, collector } = metering();
    const bus = stages.bus();
    const [relay, source] = [stages.relay(bus, one), stages.source(other)];
    observe(relay, { meterProvider: provider });
    observe(source, { meterProvider: provider });
    const series = async () =>
      (await collector.look()).metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes }) => `${descriptor.name} ${JSON.stringify(attributes)}`),
      );
    const before = await series();
    for (const n of range(1, 50)) {
      publishNote(bus, `run-${n}`, n);
      await readOne(source.subscribe(`run-${n}`));
    }
    // An event may be read before Redis has answered who wrote it.
    await relay.flush();
    expect(await series()).toEqual(before);
    expect(collector.value("spanbus.relay.event.relayed")).toBe(50);
    expect(before.join()).not.toContain("run-1");
    await provider.shutdown();
  });

  it("carry the last values in the export at shutdown, and are levels at 0 when they are no longer observed", async () => {
    const { provider, collector } = metering();
    const bus = stages.bus();
    const [relay, source] = [stages.relay(bus, one), stages.source(other)];
    observe(relay, { meterProvider: provider });
    const watching = observe(source, { meterProvider: provider });
    const reader = source.subscribe("r");
    publishNotes(bus, "r", 1, 2);
    bus.closeStream("r");
    await readToEnd(reader);
    await source.subscribe("r2").attached;
    await collector.look();
    const subscribers = () => collector.value("spanbus.source.subscriber.count", { "spanbus.subscriber.scope": "run" });
    expect(subscribers()).toBe(1);
    watching.close();
    await relay.close();
    await provider.shutdown();
    expect(subscribers()).toBe(0);
    expect(collector.value("spanbus.source.event.delivered")).toBe(2);
    expect(collector.value("spanbus.relay.event.relayed")).toBe(2);
  });

  it("may have the name of their bus, and are told apart by their type; of two relays one gets a number", async () => {
    const { provider, collector } = metering();
    const options = { meterProvider: provider, name: "orders" };
    const bus = stages.bus();
    const told: string[] = [];
    const quiet = (): void => {};
    const say = (message: string): void => void told.push(message);
    diag.setLogger(
      { error: quiet, warn: say, info: quiet, debug: quiet, verbose: quiet },
      { suppressOverrideMessage: true },
    );
    observeEventBus(bus, options);
    observe(stages.relay(bus, one), options);
    observe(stages.source(other), options);
    expect(told).toEqual([]);
    observe(stages.relay(stages.bus(), one), options);
    expect(told).toEqual(['spanbus: another spanbus.RedisRelay is observed as "orders", so this one is "orders/1"']);
    await collector.look();
    const names = (metric: string) =>
      collector.points(metric).map(({ attributes }) => Object.values(attributes).join(" "));
    expect(names("spanbus.event.published")).toEqual(["spanbus.EventBus orders"]);
    expect(names("spanbus.relay.run.count")).toEqual(["spanbus.RedisRelay orders", "spanbus.RedisRelay orders/1"]);
    expect(names("spanbus.source.run.count")).toEqual(["spanbus.RedisEventSource orders"]);
    await provider.shutdown();
  });

  it("are instruments, units and names as the tables say", async () => {
    const { provider, collector } = metering();
    observe(stages.relay(stages.bus(), one), { meterProvider: provider });
    observe(stages.source(other), { meterProvider: provider });
    await collector.look();
    for (const { figures } of [relayTable, sourceTable]) {
      for (const { metric, instrument, unit } of Object.values(figures)) {
        const data = collector.metric(metric);
        expect(data.descriptor).toMatchObject({ unit, description: expect.stringMatching(/^[A-Z`].*\.$/) });
        expect(data.dataPointType).toBe(instrument === "gauge" ? DataPointType.GAUGE : DataPointType.SUM);
        if (data.dataPointType === DataPointType.SUM) expect(data.isMonotonic).toBe(instrument === "counter");
        expect(metric).toMatch(/^spanbus\.(relay|source)(\.[a-z_]+)+$/);
        expect(metric).not.toMatch(/total|s$/);
        expect(unit).toMatch(/^(\{[a-z]+\}|By|s)$/);
      }
    }
    await provider.shutdown();
  });
});

describe("a mistake in the call of `observe`", () => {
  const allowed = "`observed` must be a RedisRelay or a RedisEventSource; a bus is for `observeEventBus`";
  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a bus", new EventBus()],
    ["a table without figures", { figures: relayTable }],
  ])("%s: says what is allowed", (_, given) => {
    expect(() => observe(given as never)).toThrow(allowed);
  });

  it("options that are none: says what is allowed and what was given", () => {
    const observed = { figures: relayTable, stats: () => ({}) };
    expect(() => observe(observed, 1 as never)).toThrow("`options` must be an object, got 1");
    expect(() => observe(observed, { meterProvider: "global" as never })).toThrow(
      '`meterProvider` must be a MeterProvider, got "global"',
    );
    expect(() => observe(observed, { name: "" })).toThrow("`name` must be 1 to 256 characters");
  });
});
