/**
 * Agents at work until you stop them with Ctrl-C, and their metrics for Prometheus to scrape. `PORT` says where, by default
 * 9464; 0 takes any free port.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { observeEventBus } from "spanbus/metrics";
import { dispatch } from "./agent.js";
import { scriptedModel } from "./model/scripted.js";

const { PORT = "9464" } = process.env;
if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) {
  throw new RangeError(`PORT must be a number from 0 to 65535, got "${PORT}"`);
}

const bus = new EventBus();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [bus] });
trace.setGlobalTracerProvider(tracerProvider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

// The exporter has a server of its own. Here it stands behind one that may listen on any free port.
const exporter = new PrometheusExporter({ preventServerStart: true });
const meterProvider = new MeterProvider({ readers: [exporter] });
observeEventBus(bus, { meterProvider, agentMetrics: true });

const server = createServer((request, response) => {
  if (request.url === "/metrics") exporter.getMetricsRequestHandler(request, response);
  else response.writeHead(404).end();
});
server.listen(Number(PORT), "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;

console.log(`Agents are at work. Their metrics: http://127.0.0.1:${port}/metrics

For your prometheus.yml:

scrape_configs:
  - job_name: agents
    static_configs:
      - targets: ["127.0.0.1:${port}"]
`);

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
await Promise.all([watch(), work("Rome"), work("Oslo"), work("Kyiv", { stream: true })]);

console.log("The agents have stopped.");
await tracerProvider.shutdown();
await meterProvider.shutdown();
server.close();
server.closeAllConnections();

/** Sends one agent off after the other. */
async function work(to: string, { stream = false } = {}): Promise<void> {
  const { model } = scriptedModel({ delayMillis: 150 });
  while (!stop.signal.aborted) {
    await bus.run(() => dispatch(model, { from: "Berlin", to }, { stream }));
    await sleep(500, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

/** Reads along, as a live page would. */
async function watch(): Promise<void> {
  for await (const event of bus.subscribeGlobal({ signal: stop.signal })) {
    if (event.type === "bus.gap") console.warn(`${event.data.missed} events missed`);
  }
}
