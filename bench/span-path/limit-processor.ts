import { LimitBus } from "../candidates/limit.js";
import type { ReadableSpan, Span, SpanProcessor } from "./sdk.js";

interface LimitEvent {
  readonly type: string;
  readonly time: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly toolName?: unknown;
  readonly toolCallId?: unknown;
  readonly arguments?: unknown;
  readonly result?: unknown;
}

/** The leanest that makes two events of a span and keeps them: knows one instrumentation, checks and bounds nothing. */
export class LimitProcessor implements SpanProcessor {
  readonly bus = new LimitBus<LimitEvent>();

  onStart(span: Span): void {
    if (span.instrumentationScope.name !== "ai") return;
    const { traceId, spanId } = span.spanContext();
    const [seconds, nanos] = span.startTime;
    this.bus.publish(traceId, {
      type: span.name === "ai.toolCall" ? "agent.tool.started" : "agent.invocation.started",
      time: seconds * 1000 + nanos / 1e6,
      traceId,
      spanId,
      parentSpanId: span.parentSpanContext?.spanId,
    });
  }

  onEnd(span: ReadableSpan): void {
    if (span.instrumentationScope.name !== "ai") return;
    const { traceId, spanId } = span.spanContext();
    const { attributes } = span;
    const [seconds, nanos] = span.endTime;
    this.bus.publish(traceId, {
      type: span.name === "ai.toolCall" ? "agent.tool.completed" : "agent.invocation.completed",
      time: seconds * 1000 + nanos / 1e6,
      traceId,
      spanId,
      parentSpanId: span.parentSpanContext?.spanId,
      toolName: attributes["ai.toolCall.name"],
      toolCallId: attributes["ai.toolCall.id"],
      arguments: attributes["ai.toolCall.args"],
      result: attributes["ai.toolCall.result"],
    });
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
