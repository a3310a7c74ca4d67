import type { TracerProvider } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base";

export type { ReadableSpan, Span, SpanExporter, SpanProcessor };

/** What the two generations of the SDK make differently. */
export interface Sdk {
  provider(processors: SpanProcessor[]): TracerProvider;
  batch(exporter: SpanExporter): SpanProcessor;
  simple(exporter: SpanExporter): SpanProcessor;
  noop(): SpanProcessor;
}
