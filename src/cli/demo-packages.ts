// What the demo needs of others. `npm run build` puts it into this module, so that nobody has to install it.
export { getRequestListener } from "@hono/node-server";
export { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
export { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
export { MeterProvider } from "@opentelemetry/sdk-metrics";
export { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
