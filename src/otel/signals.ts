/**
 * The slices of OpenTelemetry's types that the bus reads, written structurally: the SDK classes of 2.x and 3.x fit, and no
 * SDK package is imported. Whatever may be missing on some tracer's spans is optional.
 */

/** Ids of a span. */
export interface SpanContextLike {
  readonly traceId: string;
  readonly spanId: string;
  readonly isRemote?: boolean | undefined;
}

/** An OpenTelemetry context. */
export interface ContextLike {
  getValue(key: symbol): unknown;
}

/** Seconds and nanoseconds since the Unix epoch. */
export type HrTimeLike = readonly [number, number] | readonly number[];

/** An event on a span. */
export interface TimedEventLike {
  readonly name: string;
  readonly time: HrTimeLike;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** A span, as far as the bus reads it. */
export interface SpanLike {
  readonly name: string;
  spanContext(): SpanContextLike;
  readonly parentSpanContext?: SpanContextLike | undefined;
  readonly startTime?: HrTimeLike | undefined;
  readonly endTime?: HrTimeLike | undefined;
  readonly status?: { readonly code: number; readonly message?: string | undefined } | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  readonly events?: readonly TimedEventLike[] | undefined;
  readonly droppedEventsCount?: number | undefined;
  readonly instrumentationScope?: { readonly name: string } | undefined;
}

/** A log record, as far as the bus reads it. */
export interface LogRecordLike {
  readonly eventName?: string | undefined;
  readonly hrTime?: HrTimeLike | undefined;
  readonly spanContext?: SpanContextLike | undefined;
  readonly body?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

/** A sampler, as far as `alwaysRecord` calls it. */
export interface SamplerLike {
  shouldSample(...args: never[]): { readonly decision: number };
  toString(): string;
}

/** No trace, no span: the id is missing or all zeros. */
export function isNoId(id: unknown): boolean {
  return typeof id !== "string" || /^0*$/.test(id);
}

/** Milliseconds since the Unix epoch, or undefined where there is no such time. */
export function millis(time: HrTimeLike | undefined): number | undefined {
  if (!Array.isArray(time)) return undefined;
  const [seconds, nanos] = time as readonly unknown[];
  if (typeof seconds !== "number" || typeof nanos !== "number") return undefined;
  const sum = seconds * 1000 + nanos / 1e6;
  return seconds > 0 && Number.isFinite(sum) ? sum : undefined;
}
