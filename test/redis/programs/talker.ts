/** Publishes numbered notes into a run until it is killed. */
import { EventBus } from "spanbus";
import { RedisRelay } from "spanbus/redis";
import { type ClientName, clients } from "../clients.js";

const [url = "", name = "node-redis", runId = "", leaseMillis = "2000"] = process.argv.slice(2);

const { client } = await clients[name as ClientName](url);
const bus = new EventBus();
const relay = new RedisRelay(bus, { client, leaseMillis: Number(leaseMillis) });
for (let n = 1; ; n += 1) {
  bus.publish({ runId, type: "note", data: { n } });
  await relay.flush();
  if (n === 20) process.stdout.write("talks http://127.0.0.1:0\n");
}
