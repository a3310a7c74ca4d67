import { type DiagLogger, diag, trace } from "@opentelemetry/api";
import { logs } from "@opentelemetry/api-logs";
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { NodeSDK } from "@opentelemetry/sdk-node";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const warn = vi.fn();

beforeEach(() => {
  const rest = { error: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() };
  diag.setLogger({ warn, ...rest } satisfies DiagLogger, { suppressOverrideMessage: true });
  warn.mockClear();
  for (const name of Object.keys(process.env)) if (name.startsWith("OTEL_")) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  trace.disable();
  logs.disable();
  diag.disable();
});

const exporting = () => new SimpleSpanProcessor(new InMemorySpanExporter());

/** Two spans under a global provider with these processors; what the bus told of it. */
function told(...spanProcessors: SpanProcessor[]): string[] {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  for (const name of ["GET /", "GET /more"]) trace.getTracer("app").startSpan(name).end();
  return warn.mock.calls.map(([message]) => message);
}

describe("a bus that is the only span processor", () => {
  it.each([
    ["OTEL_TRACES_EXPORTER", "otlp", "OTEL_TRACES_EXPORTER=otlp"],
    ["OTEL_TRACES_EXPORTER", "console", "OTEL_TRACES_EXPORTER=console"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is set"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set"],
  ])("says once that %s=%s is not heeded", (name, value, asked) => {
    vi.stubEnv(name, value);
    expect(told(new EventBus())).toEqual([
      `spanbus: the environment asks for an exporter (${asked}), but \`spanProcessors\` has only the bus, so nothing is exported; name the exporter's processor there too`,
    ]);
  });

  it("says so in NodeSDK, and not once more for a bus that is listed twice", () => {
    vi.stubEnv("OTEL_TRACES_EXPORTER", "otlp");
    const bus = new EventBus();
    const options = { autoDetectResources: false, logRecordProcessors: [], metricReaders: [] };
    new NodeSDK({ ...options, spanProcessors: [bus, bus] }).start();
    for (const name of ["GET /", "GET /more"]) trace.getTracer("app").startSpan(name).end();
    expect(warn).toHaveBeenCalledOnce();
  });

  it("says nothing when nobody asks for an exporter", () => {
    expect(told(new EventBus())).toEqual([]);
  });

  it.each([
    { OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" },
    { OTEL_TRACES_EXPORTER: " ", OTEL_EXPORTER_OTLP_ENDPOINT: "" },
    { OTEL_LOGS_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://127.0.0.1:4318" },
  ])("says nothing for %j", (env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    expect(told(new EventBus())).toEqual([]);
  });

  it("says nothing where its provider is not the global one, which exports", () => {
    vi.stubEnv("OTEL_TRACES_EXPORTER", "otlp");
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [exporting()] }));
    const own = new BasicTracerProvider({ spanProcessors: [new EventBus()] });
    own.getTracer("app").startSpan("GET /").end();
    expect(warn).not.toHaveBeenCalled();
  });
});

it.each([0, 1])("a bus with an exporter beside it, at place %i, says nothing", (place) => {
  vi.stubEnv("OTEL_TRACES_EXPORTER", "otlp");
  const processors: SpanProcessor[] = [exporting()];
  processors.splice(place, 0, new EventBus());
  expect(told(...processors)).toEqual([]);
});

describe("a bus that is the only log record processor", () => {
  it.each([
    ["OTEL_LOGS_EXPORTER", "otlp"],
    ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:4318"],
  ])("says so of the exporter of logs that %s asks for", (name, value) => {
    vi.stubEnv(name, value);
    logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [new EventBus()] }));
    for (const eventName of ["a", "b"]) logs.getLogger("app").emit({ eventName });
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("`logRecordProcessors` has only the bus"));
  });

  it("says nothing where only an endpoint for all signals is set, as many do for traces", () => {
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [new EventBus()] }));
    logs.getLogger("app").emit({ eventName: "a" });
    expect(warn).not.toHaveBeenCalled();
  });

  it("says nothing with an exporter beside it", () => {
    vi.stubEnv("OTEL_LOGS_EXPORTER", "otlp");
    const exporter = new SimpleLogRecordProcessor({ exporter: new InMemoryLogRecordExporter() });
    logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [new EventBus(), exporter] }));
    logs.getLogger("app").emit({ eventName: "a" });
    expect(warn).not.toHaveBeenCalled();
  });
});
