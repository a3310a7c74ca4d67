/**
 * Shows what the workers do: the live page and its API, and a line for each event. Everything comes from Redis; no agent runs
 * here, and nothing of OpenTelemetry. Any number of these may run.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { createHandler } from "spanbus/http";
import { RedisEventSource } from "spanbus/redis";
import { outline } from "../outline.js";
import { redisClient } from "./redis-client.js";
import { surroundings } from "./surroundings.js";

const around = surroundings();
const { trips, ending } = around;

const client = await redisClient(around);
const source = new RedisEventSource({ client, onError: (error) => console.error(error.message) });

// What stands here in place of a bus is the only difference.
const handler = createHandler(source, { authorize: () => true });
const server = createServer(getRequestListener(handler)).listen(0, "127.0.0.1");
await once(server, "listening");
const all = source.subscribeGlobal({ types: ["agent.*", "bus.*"], signal: ending });
await all.attached;
console.log(`the live page: http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
process.send?.("ready");

const lineOf = outline();
let closed = 0;
for await (const event of all) {
  console.log(`${event.runId} │ ${lineOf(event)}`);
  if (event.type === "bus.run.closed") closed += 1;
  if (closed === trips) break;
}

const runs = await source.runs();
console.log(`${runs.length} ${runs.length === 1 ? "run is" : "runs are"} in Redis`);
source.close();
server.close();
server.closeAllConnections();
client.destroy();
