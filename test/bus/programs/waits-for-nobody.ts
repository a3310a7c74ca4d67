// Readers wait, a run is open, time limits run: nothing of this keeps a process alive.
import { EventBus } from "spanbus";

const bus = new EventBus();
bus.publish({ runId: "run", type: "note" });
const reader = bus.subscribe("run", { idleTimeoutMillis: 60_000 });
const all = bus.subscribeGlobal();
bus.publish({ runId: "run", type: "agent.model.chunk", spanId: "span", data: { text: "x" } });
reader.ended.then(() => console.log("the reader ended"));
all.next().then(() => all.next());
console.log("done");
