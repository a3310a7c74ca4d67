import { BatchSpanProcessor, NoopSpanProcessor, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Sdk } from "../span-path/sdk.js";

export const sdk: Sdk = {
  provider: (spanProcessors) => new TracerProvider({ spanProcessors }),
  batch: (exporter) => new BatchSpanProcessor({ exporter }),
  simple: (exporter) => new SimpleSpanProcessor({ exporter }),
  noop: () => new NoopSpanProcessor(),
};
