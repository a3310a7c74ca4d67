/**
 * Sends agents off, one after the other. Its bus is relayed to Redis; who reads there, it does not know. Any number of these
 * may run.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { RedisRelay } from "spanbus/redis";
import { dispatch } from "../agent.js";
import { scriptedModel } from "../model/scripted.js";
import { redisClient } from "./redis-client.js";
import { surroundings } from "./surroundings.js";

const around = surroundings();
const { trips, ending } = around;

// A worker as it is without Redis.
const bus = new EventBus();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

// And what it takes to be read elsewhere.
const client = await redisClient(around);
const relay = new RedisRelay(bus, { client, onError: (error) => console.error(error.message) });

const { model } = scriptedModel({ delayMillis: 400 });
const cities = ["Rome", "Oslo", "Lisbon", "Prague", "Vienna"];
for (let trip = 0; trip < trips && !ending.aborted; trip += 1) {
  const to = cities[trip % cities.length] ?? "Rome";
  const runId = `trip-${randomUUID().slice(0, 8)}`;
  console.log(`${runId}: an agent looks for a way to ${to}`);
  const answer = bus.run(runId, () => dispatch(model, { from: "Berlin", to }, { stream: trip % 2 === 1 }));
  // A reader in this process, as always. It ends with the run, which is over when its last span is.
  for await (const event of bus.subscribe(runId, { types: ["agent.terminate"] })) {
    if (event.type === "agent.terminate") console.log(`${runId}: ${event.data.reason}`);
  }
  await answer;
  if (trip + 1 < trips) await sleep(500, undefined, { signal: ending }).catch(() => undefined);
}

// What waits is sent before the client goes.
await bus.shutdown();
await relay.close();
client.destroy();
console.log(`${relay.stats().relayed} events went to Redis`);
