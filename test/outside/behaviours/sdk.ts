// What SDK 2 has under other names than SDK 3, whose project brings a file of its own in place of this one.

import { SimpleSpanProcessor, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace-base";

export {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider as TracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** A processor that exports each sampled span at its end. */
export function exportingTo(exporter: SpanExporter): SpanProcessor {
  return new SimpleSpanProcessor(exporter);
}
