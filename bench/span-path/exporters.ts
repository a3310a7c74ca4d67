import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "./sdk.js";

/** Stands where the network would be: takes note of the spans that arrive, or of what they weigh. */
export class Edge implements SpanExporter {
  spans = 0;
  bytes = 0;
  readonly #serialize: ((spans: ReadableSpan[]) => Uint8Array | undefined) | undefined;
  readonly #seen: ((span: ReadableSpan) => void) | undefined;

  constructor(serialize?: (spans: ReadableSpan[]) => Uint8Array | undefined, seen?: (span: ReadableSpan) => void) {
    this.#serialize = serialize;
    this.#seen = seen;
  }

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    this.spans += spans.length;
    this.bytes += this.#serialize?.(spans)?.length ?? 0;
    if (this.#seen) for (const span of spans) this.#seen(span);
    done({ code: 0 });
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

export function protobuf(spans: ReadableSpan[]): Uint8Array | undefined {
  return ProtobufTraceSerializer.serializeRequest(spans);
}

export function json(spans: ReadableSpan[]): Uint8Array | undefined {
  return JsonTraceSerializer.serializeRequest(spans);
}
