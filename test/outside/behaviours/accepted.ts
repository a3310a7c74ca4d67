import { LoggerProvider, type LogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { alwaysRecord, EventBus } from "spanbus";
import { type Observation, observeEventBus } from "spanbus/metrics";
import { AlwaysOnSampler, type Sampler, type SpanProcessor, TracerProvider } from "./sdk.js";

// Not run: what compilers must accept, a bus wherever the SDK takes processors.

const bus = new EventBus();
export const spans: SpanProcessor = bus;
export const records: LogRecordProcessor = bus;
export const both: SpanProcessor & LogRecordProcessor = bus;
export const sampler: Sampler = alwaysRecord(new AlwaysOnSampler());
export const tracing = new TracerProvider({ sampler, spanProcessors: [bus] });
export const logging = new LoggerProvider({ processors: [bus] });
export const observation: Observation = observeEventBus(bus, { meterProvider: new MeterProvider() });

// As functions, so that parameters are compared strictly.
export const onStart: (...args: Parameters<SpanProcessor["onStart"]>) => void = (...args) => bus.onStart(...args);
export const onEnd: (...args: Parameters<SpanProcessor["onEnd"]>) => void = (...args) => bus.onEnd(...args);
export const onEmit: (...args: Parameters<LogRecordProcessor["onEmit"]>) => void = (...args) => bus.onEmit(...args);
export const strictStart: (span: Parameters<SpanProcessor["onStart"]>[0]) => void = bus.onStart;
export const strictEnd: (span: Parameters<SpanProcessor["onEnd"]>[0]) => void = bus.onEnd;

export class OwnProcessor extends EventBus implements SpanProcessor, LogRecordProcessor {}

export const filtered = new EventBus({
  include: (span) => span.name.startsWith("db "),
  runId: (span, context) => String(context.getValue(Symbol.for("run")) ?? span.spanContext().traceId),
});
