import { type Context, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from "@opentelemetry/api";
import {
  type EndLine,
  type Line,
  type LogLine,
  loadRecording,
  type MutateLine,
  type RecordedSpan,
} from "./recording.js";
import { ReplayedSpan } from "./replayed-span.js";

export { fixture, loadRecording, recordings } from "./recording.js";

/** What takes a recording: a span processor, a log record processor, or both in one. */
export interface ReplayTarget {
  onStart(span: never, context: Context): void;
  onEnd(span: never): void;
  onEmit?(record: never, context?: Context): void;
}

interface AnyTarget {
  onStart(span: unknown, context: Context): void;
  onEnd(span: unknown): void;
  onEmit?(record: unknown, context?: Context): void;
}

export interface ReplayOptions {
  /** The context in which spans without a parent start, and logs without a span; default the root context. */
  readonly context?: Context;
  /** Called after each line. */
  readonly onLine?: (line: Line) => void;
}

/** A pause of so many milliseconds in the recording is a turn of the event loop in the replay. */
const turnMillis = 5;

/**
 * Plays a recording, callback by callback. What ran synchronously runs so again: the promise jobs of a started span come
 * after what its instrumentation did in the same run. Times are those of the recording, pauses are shortened to a turn.
 */
export async function replay(path: string, target: ReplayTarget, options: ReplayOptions = {}): Promise<void> {
  const { context = ROOT_CONTEXT, onLine } = options;
  const recording = loadRecording(path);
  const processor = target as AnyTarget;
  const live = new Map<string, ReplayedSpan>();
  const untilTick = new Set<string>();
  let lastMillis = 0;

  for (const line of recording.lines) {
    if (untilTick.size === 0 && line.ms - lastMillis >= turnMillis) await new Promise(setImmediate);
    lastMillis = line.ms;
    if (line.type === "start") {
      const { recorded, parent, around } = family(recording.spans, live, line, context);
      const span = new ReplayedSpan(recorded, parent);
      live.set(line.spanId, span);
      untilTick.add(line.spanId);
      processor.onStart(span, around);
    } else if (line.type === "mutate") {
      const span = live.get(line.spanId);
      if (span !== undefined) mutate(span, line, recording.spans.get(line.spanId)?.end);
    } else if (line.type === "tick") {
      live.get(line.spanId)?.complete(line.newKeys);
      untilTick.delete(line.spanId);
      await Promise.resolve();
    } else if (line.type === "end") {
      const span = live.get(line.spanId);
      span?.finish(line);
      processor.onEnd(span);
    } else if (line.type === "log") {
      processor.onEmit?.(logRecord(line), logContext(line, live, context));
    }
    onLine?.(line);
  }
  await new Promise(setImmediate);
}

function family(
  spans: ReadonlyMap<string, RecordedSpan>,
  live: ReadonlyMap<string, ReplayedSpan>,
  { spanId, parentSpanId, traceId, parentRemote = false }: Extract<Line, { type: "start" }>,
  context: Context,
): { recorded: RecordedSpan; parent: SpanContext | undefined; around: Context } {
  const recorded = spans.get(spanId);
  if (recorded === undefined) throw new Error(`the recording has no span ${spanId}`);
  if (parentSpanId === null) return { recorded, parent: undefined, around: context };
  const parent = { traceId, spanId: parentSpanId, traceFlags: TraceFlags.SAMPLED, isRemote: parentRemote };
  const span = live.get(parentSpanId);
  const around = span === undefined ? trace.setSpanContext(context, parent) : trace.setSpan(context, span);
  return { recorded, parent, around };
}

function mutate(
  span: ReplayedSpan,
  { op, attributes, name, exception, status }: MutateLine,
  end: EndLine | undefined,
): void {
  switch (op) {
    case "setAttribute":
      for (const [key, value] of Object.entries(whole(attributes, end))) span.setAttribute(key, value);
      break;
    case "setAttributes":
      span.setAttributes(whole(attributes, end));
      break;
    case "addEvent":
      span.addEvent(name ?? "", attributes);
      break;
    case "recordException":
      span.recordException(exception);
      break;
    case "setStatus":
      if (status !== undefined) span.setStatus(status);
      break;
    case "updateName":
      span.updateName(name ?? "");
      break;
    default:
      throw new Error(`a recording does ${op}, which no replay can`);
  }
}

/** The attributes of a line, with the long values that stand in the end line only. */
function whole(attributes: MutateLine["attributes"] = {}, end: EndLine | undefined): Record<string, unknown> {
  const values = Object.entries(attributes).map(([key, value]): [string, unknown] => {
    const isCut = typeof value === "string" && /^<\d+ chars, see end>$/.test(value);
    return [key, isCut ? (end?.attributes[key] ?? value) : value];
  });
  return Object.fromEntries(values.filter(([, value]) => value !== null));
}

function logRecord(line: LogLine): object {
  const { eventName, severityNumber, severityText, body, attributes, scope, time } = line;
  return {
    hrTime: time,
    hrTimeObserved: time,
    spanContext: spanContextOf(line),
    eventName: eventName ?? undefined,
    severityNumber: severityNumber ?? undefined,
    severityText: severityText ?? undefined,
    body: body ?? undefined,
    attributes,
    instrumentationScope: { name: scope.name, version: scope.version ?? undefined },
    resource: { attributes: {} },
    droppedAttributesCount: 0,
  };
}

function spanContextOf({ traceId, spanId }: LogLine): SpanContext | undefined {
  if (traceId === null || spanId === null) return undefined;
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

function logContext(line: LogLine, live: ReadonlyMap<string, ReplayedSpan>, context: Context): Context {
  const spanContext = spanContextOf(line);
  if (spanContext === undefined) return context;
  const span = live.get(spanContext.spanId);
  return span === undefined ? trace.setSpanContext(context, spanContext) : trace.setSpan(context, span);
}
