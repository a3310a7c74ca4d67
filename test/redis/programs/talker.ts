/** Publishes numbered notes into a run until it is killed. */
import { createClient } from "@redis/client";
import { EventBus } from "spanbus";
import { RedisRelay } from "spanbus/redis";

const [url = "", runId = "", leaseMillis = "2000"] = process.argv.slice(2);

const client = createClient({ url });
await client.connect();
const bus = new EventBus();
const relay = new RedisRelay(bus, { client, leaseMillis: Number(leaseMillis) });
for (let n = 1; ; n += 1) {
  bus.publish({ runId, type: "note", data: { n } });
  await relay.flush();
  if (n === 20) process.stdout.write("talks http://127.0.0.1:0\n");
}
