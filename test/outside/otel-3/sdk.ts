// What SDK 3 has under other names than SDK 2.

import { SimpleSpanProcessor, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace";

export {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** A processor that exports each sampled span at its end. */
export function exportingTo(exporter: SpanExporter): SpanProcessor {
  return new SimpleSpanProcessor({ exporter });
}
