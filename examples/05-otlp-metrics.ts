/**
 * The metrics of the bus over OTLP: a reader exports them every so often, and once more when it shuts down, so that the
 * last values arrive although the bus is shut down before. They go to `OTEL_EXPORTER_OTLP_ENDPOINT`, or without it to a
 * small receiver in this program.
 */
import { randomUUID } from "node:crypto";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { resources } from "@opentelemetry/sdk-node";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { observeEventBus } from "spanbus/metrics";
import { dispatch } from "./agent.js";
import { chooseModel } from "./model.js";
import { startOtlpReceiver } from "./otlp-receiver.js";

const collector = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
const receiver = collector ? undefined : await startOtlpReceiver();
const exporter = new OTLPMetricExporter(receiver ? { url: `${receiver.url}/v1/metrics` } : {});

const bus = new EventBus();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [bus] });
trace.setGlobalTracerProvider(tracerProvider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

// Two processes of one service are two instances. Without that their series would be one, and nobody's.
const resource = resources.resourceFromAttributes({
  "service.name": "travel-agency",
  "service.instance.id": randomUUID(),
});
const meterProvider = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })],
});
observeEventBus(bus, { meterProvider, name: "travel-agency", agentMetrics: true });

const { model } = await chooseModel();
const events = bus.subscribe("trip");
await bus.run("trip", () => dispatch(model, { from: "Berlin", to: "Oslo" }, { stream: true }));
// The run closes when its last span has ended, which is a little after the answer is there.
for await (const event of events) if (event.type === "agent.terminate") console.log(`The agent: ${event.data.reason}`);
const before = receiver?.metricExports.length;

// Readers of metrics last: the export at their shutdown tells the rest.
await tracerProvider.shutdown();
await meterProvider.shutdown();

if (receiver === undefined) {
  console.log(`The exporter sent them to ${collector}.`);
} else {
  const exported = receiver.metricExports.at(-1) ?? [];
  console.log(`Exports before the shutdown: ${before}, after it: ${receiver.metricExports.length}. Without the zeros:`);
  for (const { name, unit, points } of exported) {
    for (const { attributes, value, count } of points) {
      const times = count === undefined ? "" : ` in ${count}`;
      if (value !== 0) console.log(`  ${name} ${Math.round(value * 1000) / 1000} ${unit}${times}${shown(attributes)}`);
    }
  }
  await receiver.close();
}
console.log(`The bus itself counted ${bus.stats().published} events published.`);

/** The attributes that tell the points of one metric apart. */
function shown(attributes: Readonly<Record<string, string>>): string {
  const own = Object.entries(attributes).filter(([key]) => !key.startsWith("otel.component."));
  return own.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(own))}`;
}
