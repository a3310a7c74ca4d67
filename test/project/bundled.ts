/** Packages that `npm run build` puts into the demo. */
export const inDemo: readonly string[] = [
  "@hono/node-server",
  "@opentelemetry/context-async-hooks",
  "@opentelemetry/exporter-prometheus",
  "@opentelemetry/sdk-metrics",
  "@opentelemetry/sdk-trace-base",
];

/** The same, what they bring along of others than OpenTelemetry, and what is in the page. */
export const inPackage: readonly string[] = [...inDemo, "hono", "preact"];
