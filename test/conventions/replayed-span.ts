import {
  type AttributeValue,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import type { EndLine, RecordedSpan, Time } from "./recording.js";

/**
 * A live span with the shape of the SDK's, played from a recording. Its methods are those of the prototype, and call each
 * other as the SDK's do, so that a processor may put its own in front of them.
 */
export class ReplayedSpan implements Span {
  name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext: SpanContext | undefined;
  readonly startTime: Time;
  endTime: Time = [0, 0];
  duration: Time = [-1, -1];
  ended = false;
  status: SpanStatus = { code: SpanStatusCode.UNSET };
  readonly attributes: Record<string, unknown>;
  readonly events: { name: string; time: Time; attributes: Record<string, unknown> }[] = [];
  readonly links: readonly never[] = [];
  readonly instrumentationScope: { readonly name: string; readonly version: string | undefined };
  readonly resource = { attributes: {} };
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #spanContext: SpanContext;
  readonly #recorded: RecordedSpan;

  constructor(recorded: RecordedSpan, parent: SpanContext | undefined) {
    const { name, kind, traceId, spanId, startTime, attributes, scope } = recorded.start;
    this.name = name;
    this.kind = SpanKind[kind];
    this.parentSpanContext = parent;
    this.startTime = startTime;
    this.attributes = { ...attributes };
    this.instrumentationScope = { name: scope.name, version: scope.version ?? undefined };
    this.#spanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
    this.#recorded = recorded;
  }

  spanContext(): SpanContext {
    return this.#spanContext;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: unknown): this {
    if (!this.ended && value !== undefined && value !== null) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Record<string, unknown>): this {
    for (const [key, value] of Object.entries(attributes)) this.setAttribute(key, value as AttributeValue);
    return this;
  }

  addEvent(name: string, attributes: unknown = {}): this {
    if (!this.ended) {
      this.events.push({ name, time: this.startTime, attributes: { ...(attributes as Record<string, unknown>) } });
    }
    return this;
  }

  recordException(exception: unknown): void {
    const { code, name, message } = typeof exception === "string" ? { message: exception } : (exception as Thrown);
    const attributes: Record<string, string> = {};
    if (code !== undefined) attributes["exception.type"] = String(code);
    else if (name) attributes["exception.type"] = name;
    if (message) attributes["exception.message"] = message;
    this.addEvent("exception", attributes);
  }

  setStatus(status: SpanStatus | EndLine["status"]): this {
    if (this.ended || this.status.code === SpanStatusCode.OK) return this;
    this.status = typeof status.code === "number" ? (status as SpanStatus) : statusOf(status as EndLine["status"]);
    return this;
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name;
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  end(): void {
    this.ended = true;
  }

  /** Sets what appeared since the start without a recorded call. */
  complete(keys: readonly string[]): void {
    const { end } = this.#recorded;
    for (const key of keys) {
      if (!Object.hasOwn(this.attributes, key) && end !== undefined) this.setAttribute(key, end.attributes[key]);
    }
  }

  /** Ends the span as it ended in the recording. */
  finish({ name, endTime, status, attributes, events }: EndLine): void {
    this.name = name;
    this.endTime = endTime;
    this.duration = difference(this.startTime, endTime);
    this.status = statusOf(status);
    for (const key of Object.keys(this.attributes)) if (!Object.hasOwn(attributes, key)) delete this.attributes[key];
    Object.assign(this.attributes, attributes);
    this.events.length = 0;
    for (const event of events) this.events.push({ ...event, attributes: { ...event.attributes } });
    this.end();
  }
}

interface Thrown {
  readonly code?: string | number;
  readonly name?: string | null;
  readonly message?: string;
}

function statusOf({ code, message }: EndLine["status"]): SpanStatus {
  return message === undefined ? { code: SpanStatusCode[code] } : { code: SpanStatusCode[code], message };
}

function difference([fromSeconds, fromNanos]: Time, [toSeconds, toNanos]: Time): Time {
  const nanos = toNanos - fromNanos;
  return nanos < 0 ? [toSeconds - fromSeconds - 1, nanos + 1e9] : [toSeconds - fromSeconds, nanos];
}
