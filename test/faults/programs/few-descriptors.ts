// An endpoint in a process that may hold few files open. Says where it is; each line it reads asks how it stands.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { getRequestListener } from "@hono/node-server";
import { EventBus } from "spanbus";
import { createHandler } from "spanbus/http";

const bus = new EventBus();
bus.publish({ runId: "run", type: "note" });
const errors: string[] = [];
const onError = (error: unknown): unknown => errors.push(String(error));
const server = createServer(getRequestListener(createHandler(bus, { authorize: () => true, onError })));
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
for await (const _ of createInterface({ input: process.stdin })) {
  const { runSubscribers, published } = bus.stats();
  console.log(JSON.stringify({ runSubscribers, published, errors }));
}
server.closeAllConnections();
server.close();
