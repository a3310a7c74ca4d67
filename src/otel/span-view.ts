import { attempt } from "../bus/attempt.js";
import type { EndedSpanView, SpanView } from "../conventions/index.js";
import { datadogStatus, datadogTags } from "./datadog-span.js";
import { isNoId, millis, type SpanContextLike, type SpanLike } from "./signals.js";
import type { SpanRecord } from "./span-record.js";

type Attributes = Readonly<Record<string, unknown>>;

const NO_STATUS = Object.freeze({ code: 0 });
const NO_ATTRIBUTES: Attributes = Object.freeze({});

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
  const attributes = attempt(() => span.attributes ?? datadogTags(span), undefined) ?? NO_ATTRIBUTES;
  return {
    name,
    scope: attempt(() => span.instrumentationScope?.name, undefined) ?? "",
    attributes: late ? attempt(() => withLate(attributes, late), attributes) : attributes,
    startMillis: attempt(() => millis(span.startTime), undefined),
  };
}

/** The attributes, with what was seen being set and the SDK dropped, or cut as too long a text. */
function withLate(attributes: Attributes, late: Attributes): Attributes {
  const whole: Record<string, unknown> = { ...late, ...attributes };
  for (const key of Object.keys(late)) if (isCut(whole[key], late[key])) whole[key] = late[key];
  return whole;
}

function isCut(kept: unknown, set: unknown): boolean {
  return typeof kept === "string" && typeof set === "string" && set.length > kept.length && set.startsWith(kept);
}

export function nameOf(span: SpanLike): string {
  return attempt(() => String(span.name), "");
}

/** Milliseconds since the Unix epoch, or undefined where there is no such time. */
export function endOf(span: SpanLike): number | undefined {
  return attempt(() => millis(span.endTime), undefined);
}

export function endedViewOf(span: SpanLike, record: SpanRecord): EndedSpanView {
  const { name, scope, attributes, startMillis } = viewOf(span, record.name, record.late);
  return {
    name,
    scope,
    attributes,
    startMillis,
    status: attempt(() => span.status ?? datadogStatus(attributes), undefined) ?? NO_STATUS,
    exception: record.exception,
  };
}
