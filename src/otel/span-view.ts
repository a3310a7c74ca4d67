import { attempt } from "../bus/attempt.js";
import type { EndedSpanView, SpanView } from "../conventions/index.js";
import { datadogStatus, datadogTags } from "./datadog-span.js";
import { isNoId, millis, type SpanContextLike, type SpanLike } from "./signals.js";
import type { SpanRecord } from "./span-record.js";

const NO_STATUS = Object.freeze({ code: 0 });
const NO_ATTRIBUTES: Readonly<Record<string, unknown>> = Object.freeze({});

export function parentOf(span: SpanLike): SpanContextLike | undefined {
  if (span.parentSpanContext) return span.parentSpanContext;
  // Spans of tracers other than the SDK's.
  const { parentSpanId } = span as { readonly parentSpanId?: unknown };
  if (typeof parentSpanId !== "string" || isNoId(parentSpanId)) return undefined;
  return { traceId: span.spanContext().traceId, spanId: parentSpanId };
}

/** The parent, if it is in another process or may be: only the SDK tells. */
export function remoteParentOf(span: SpanLike): SpanContextLike | undefined {
  const parent = parentOf(span);
  return parent?.isRemote || !span.parentSpanContext ? parent : undefined;
}

/** What conventions are told of a span; getters of its tracer may throw. */
export function viewOf(span: SpanLike, name: string, late?: Record<string, unknown>): SpanView {
  const attributes = attributesOf(span);
  return {
    name,
    scope: scopeOf(span),
    attributes: late ? attempt(() => ({ ...late, ...attributes }), attributes) : attributes,
    startMillis: startOf(span),
  };
}

// Asked of every span: a `try` each costs less than a function made for `attempt`.

export function nameOf(span: SpanLike): string {
  try {
    return String(span.name);
  } catch {
    return "";
  }
}

function attributesOf(span: SpanLike): Readonly<Record<string, unknown>> {
  try {
    return span.attributes ?? datadogTags(span) ?? NO_ATTRIBUTES;
  } catch {
    return NO_ATTRIBUTES;
  }
}

function scopeOf(span: SpanLike): string {
  try {
    return span.instrumentationScope?.name ?? "";
  } catch {
    return "";
  }
}

function startOf(span: SpanLike): number | undefined {
  try {
    return millis(span.startTime);
  } catch {
    return undefined;
  }
}

/** Milliseconds since the Unix epoch, or undefined where there is no such time. */
export function endOf(span: SpanLike): number | undefined {
  try {
    return millis(span.endTime);
  } catch {
    return undefined;
  }
}

function statusOf(span: SpanLike, attributes: Readonly<Record<string, unknown>>): EndedSpanView["status"] {
  try {
    return span.status ?? datadogStatus(attributes) ?? NO_STATUS;
  } catch {
    return NO_STATUS;
  }
}

export function endedViewOf(span: SpanLike, record: SpanRecord): EndedSpanView {
  const { name, scope, attributes, startMillis } = viewOf(span, record.name, record.late);
  return {
    name,
    scope,
    attributes,
    startMillis,
    status: statusOf(span, attributes),
    exception: record.exception,
  };
}
