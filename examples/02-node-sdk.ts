/**
 * The bus beside an exporter in `NodeSDK`: it sees the events live, the exporter exports the same spans. Spans go to
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, or without it to a small receiver in this program.
 */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { dispatch } from "./agent.js";
import { chooseModel } from "./model.js";
import { startOtlpReceiver } from "./otlp-receiver.js";
import { outline } from "./outline.js";

const collector = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
const receiver = collector ? undefined : await startOtlpReceiver();
const exporter = new OTLPTraceExporter(receiver ? { url: `${receiver.url}/v1/traces` } : {});

const bus = new EventBus();
const sdk = new NodeSDK({
  serviceName: "travel-agency",
  // The exporter stands in this list: NodeSDK ignores `traceExporter` as soon as there are `spanProcessors`.
  spanProcessors: [bus, new BatchSpanProcessor(exporter)],
});
sdk.start();

const { model } = await chooseModel();
const live = bus.subscribe("trip");
const reading = (async () => {
  const lineOf = outline();
  const spanIds = new Set<string>();
  for await (const event of live) {
    console.log(`live │ ${lineOf(event)}`);
    if (event.spanId !== undefined) spanIds.add(event.spanId);
  }
  return spanIds;
})();

await bus.run("trip", () => dispatch(model, { from: "Berlin", to: "Rome" }));
const liveSpanIds = await reading;
await sdk.shutdown();

if (receiver === undefined) {
  console.log(`\nThe bus saw ${liveSpanIds.size} spans live; the exporter sent them to ${collector}.`);
} else {
  const exported = receiver.spans.filter((span) => liveSpanIds.has(span.spanId));
  console.log(`\nThe bus saw ${liveSpanIds.size} spans live, the exporter exported ${exported.length} of them:`);
  for (const span of exported) console.log(`  ${span.spanId} ${span.name}`);
  await receiver.close();
}
