// A service with agents at work, as `calm` or as `overloaded`, its events in a Redis of its own, and its /metrics. It ends with
// its input.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Attributes, context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { createClient } from "@redis/client";
import type { LanguageModel } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { EventBus, type Subscription } from "spanbus";
import { observe, observeEventBus } from "spanbus/metrics";
import { RedisEventSource, type RedisEventSourceOptions, RedisRelay, type RedisRelayOptions } from "spanbus/redis";
import { dispatch } from "../../../examples/agent.js";
import { scriptedModel } from "../../../examples/model/scripted.js";
import { RedisServer } from "../../redis/redis-server.js";

const exporter = new PrometheusExporter({ preventServerStart: true });
const meterProvider = new MeterProvider({ readers: [exporter] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const redis = await RedisServer.start();

const [scenario] = process.argv.slice(2);
if (scenario === "calm") await beCalm();
else if (scenario === "overloaded") await beOverloaded();
else throw new RangeError(`the scenario must be calm or overloaded, got ${scenario}`);

const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
process.stdin.on("end", () => void end()).resume();

async function end(): Promise<void> {
  await redis.stop();
  process.exit();
}

/** Everything in order: readers keep up, agents succeed. */
async function beCalm(): Promise<void> {
  const bus = observed(new EventBus(), "orders");
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
  const reader = bus.subscribeGlobal();
  read(reader);
  const source = await relayed(bus, "orders");
  read(source.subscribeGlobal());
  work(bus, "Rome");
  work(bus, "Kyiv", { stream: true });
}

/** Everything that can go wrong, all the time. */
async function beOverloaded(): Promise<void> {
  const limits = { historyPerRun: 50, maxRuns: 10, maxQueueSize: 32, maxGlobalSubscribers: 2, maxRunSubscribers: 2 };
  const bus = observed(
    new EventBus({
      ...limits,
      closeGraceMillis: 200,
      redact: (draft) => {
        if (draft.type === "broken") throw new Error("redact is broken");
        return draft.type === "secret" ? undefined : draft;
      },
    }),
    "overloaded",
  );
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
  bus.tap(({ type }) => {
    if (String(type) === "ticker.tick") throw new Error("the tap is broken");
  });
  // Nobody reads these, and together with those that read they fill the places for readers.
  bus.subscribeGlobal();
  bus.subscribe("ticker");
  read(bus.subscribeGlobal());
  read(bus.subscribe("ticker"));
  work(bus, "Oslo");
  work(bus, "Rome", { stream: true });
  work(bus, "Nowhere", { model: brokenModel() });
  let tick = 0;
  setInterval(() => {
    tick += 1;
    bus.publish({ runId: "ticker", type: "ticker.tick" });
    bus.publish({ runId: "ticker", type: "secret" });
    bus.publish({ runId: "ticker", type: "broken" });
    bus.publish({ runId: "ticker", type: "" });
    bus.closeStream(`closed-${tick}`);
    bus.publish({ runId: `closed-${tick}`, type: "too.late" });
    bus.emit("of.no.run");
    for (const subscribe of [() => bus.subscribeGlobal(), () => bus.subscribe("ticker")]) {
      try {
        subscribe();
      } catch {
        // Counted, which is what this is for.
      }
    }
    if (tick % 5 === 0) forgetASpan();
  }, 100);

  await overloadRedis(bus, limits);

  // Another bus of the same process: an agent began, and then nothing more was heard of it.
  const stuck = observed(new EventBus(), "stuck");
  const tracer = new BasicTracerProvider({ spanProcessors: [stuck] }).getTracer("service");
  tracer.startSpan("invoke_agent", { attributes: agentNamed("silent-agent") });
  await fillOutbox(stuck);
}

function agentNamed(name: string): Attributes {
  return { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name };
}

function observed(bus: EventBus, name: string): EventBus {
  observeEventBus(bus, { meterProvider, name, agentMetrics: true });
  return bus;
}

/** Its events go to Redis, and come back to a source. */
async function relayed(
  bus: EventBus,
  name: string,
  { url = redis.url, outbox = {}, ...ofSource }: RelayedOptions = {},
): Promise<RedisEventSource> {
  const client = createClient({ url });
  client.on("error", () => undefined);
  await client.connect();
  const source = new RedisEventSource({ ...ofSource, client });
  observe(new RedisRelay(bus, { outbox, client }), { meterProvider, name });
  observe(source, { meterProvider, name });
  return source;
}

interface RelayedOptions extends Partial<RedisEventSourceOptions>, Pick<RedisRelayOptions, "outbox"> {
  readonly url?: string;
}

/** A key is of another type, one remote reader never reads, one hardly, and others find no place. */
async function overloadRedis(bus: EventBus, limits: Partial<RedisEventSourceOptions>): Promise<void> {
  const source = await relayed(bus, "overloaded", limits);
  const client = createClient({ url: redis.url });
  await client.connect();
  await client.set("spanbus:{clash}:meta", "no run");
  source.subscribeGlobal();
  const slow = source.subscribeGlobal();
  setInterval(() => {
    bus.publish({ runId: "clash", type: "of.no.use" });
    slow.next();
    try {
      source.subscribeGlobal();
    } catch {
      // Counted, which is what this is for.
    }
  }, 500);
}

/** What was published waits for a Redis that is away. */
async function fillOutbox(bus: EventBus): Promise<void> {
  const away = await RedisServer.start();
  await relayed(bus, "stuck", { url: away.url, outbox: { maxEvents: 10 } });
  await away.stop();
  for (let n = 0; n < 9; n += 1) bus.publish({ runId: "waiting", type: "note" });
}

/** An agent ends, its tool never does. */
function forgetASpan(): void {
  const tracer = trace.getTracer("service");
  const agent = tracer.startSpan("invoke_agent", { attributes: agentNamed("forgetful-agent") });
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "forgotten" };
  tracer.startSpan("execute_tool", { attributes }, trace.setSpan(context.active(), agent));
  agent.end();
}

/** Sends one agent off after the other, whatever becomes of it. Where it is calm, each is watched to the end of its run. */
async function work(bus: EventBus, to: string, { model = travelModel(), stream = false } = {}): Promise<void> {
  for (let trip = 1; ; trip += 1) {
    const runId = `${to}-${trip}`;
    const watching = scenario === "calm" ? read(bus.subscribe(runId)) : undefined;
    await bus.run(runId, () => dispatch(model, { from: "Berlin", to }, { stream })).catch(() => undefined);
    await watching;
    await sleep(500);
  }
}

function travelModel(): LanguageModel {
  return scriptedModel({ delayMillis: 250 }).model;
}

function brokenModel(): LanguageModel {
  return new MockLanguageModelV3({
    provider: "scripted",
    modelId: "broken-script",
    doGenerate: () => Promise.reject(new Error("the model is broken")),
  });
}

async function read(subscription: Subscription): Promise<void> {
  for await (const event of subscription) if (event.type === "bus.gap") console.error(event);
}
