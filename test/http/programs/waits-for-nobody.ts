// Streams wait for events and for their heartbeats: nothing of this keeps a process alive.
import { EventBus } from "spanbus";
import { createHandler } from "spanbus/http";

const bus = new EventBus();
const handler = createHandler(bus, { authorize: () => true, heartbeatMillis: 60_000 });
for (const path of ["/events", "/runs/r/events?wait"]) {
  handler(new Request(`http://localhost${path}`)).then(async ({ body }) => {
    const reader = body?.getReader();
    await reader?.read();
    console.log("caught up");
    await reader?.read();
    console.log("a heartbeat");
  });
}
