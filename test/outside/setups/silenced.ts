/** A set-up that gives `NodeSDK` the bus, and forgets its exporter. It prints what `diag` is told of the bus. */
import { diag, trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { getEventBus } from "spanbus";

const quiet = () => {};
const warn = (message: string) => message.startsWith("spanbus: ") && process.stdout.write(`${message}\n`);
diag.setLogger({ warn, error: quiet, info: quiet, debug: quiet, verbose: quiet });
new NodeSDK({ spanProcessors: [getEventBus()] }).start();
for (const name of ["GET /", "GET /more"]) trace.getTracer("app").startSpan(name).end();
process.exit();
