import {
  BasicTracerProvider,
  BatchSpanProcessor,
  NoopSpanProcessor,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { Sdk } from "./sdk.js";

export const sdk: Sdk = {
  provider: (spanProcessors) => new BasicTracerProvider({ spanProcessors }),
  batch: (exporter) => new BatchSpanProcessor(exporter),
  simple: (exporter) => new SimpleSpanProcessor(exporter),
  noop: () => new NoopSpanProcessor(),
};
