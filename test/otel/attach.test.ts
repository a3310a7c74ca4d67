import { type DiagLogger, diag, type TracerProvider, trace } from "@opentelemetry/api";
import { logs } from "@opentelemetry/api-logs";
import { LoggerProvider, type LogRecordProcessor } from "@opentelemetry/sdk-logs";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type Attachment, attach, EventBus, getEventBus, resetEventBus, runContext, setEventBus } from "spanbus";
import { attachEventBus } from "spanbus/register";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const warn = vi.fn();

beforeEach(() => {
  // What `spanbus/register` did when it was imported.
  attachEventBus().close();
  unregister();
  const rest = { error: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() };
  diag.setLogger({ warn, ...rest } satisfies DiagLogger, { suppressOverrideMessage: true });
  warn.mockClear();
});
afterEach(() => {
  unregister();
  resetEventBus();
  diag.disable();
});

function unregister(): void {
  trace.disable();
  logs.disable();
}

/** An agent span of a provider, the global one if none is given; what it is called in the bus. */
function runAgent(provider: TracerProvider = trace.getTracerProvider()): string {
  const attributes = { "gen_ai.operation.name": "invoke_agent" };
  const span = provider.getTracer("app").startSpan("invoke_agent a", { attributes });
  span.end();
  return span.spanContext().traceId;
}

const whole = ["agent.invocation.started", "agent.invocation.completed", "agent.terminate"];
const typesOf = (bus: EventBus, runId: string) => bus.history(runId).map(({ type }) => type);
const standing = ({ spans, logs, waiting }: Attachment) => ({ spans, logs, waiting });

const exporting = () => {
  const exporter = new InMemorySpanExporter();
  return { exporter, provider: new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }) };
};
const quiet = (): LogRecordProcessor => ({ onEmit() {}, async forceFlush() {}, async shutdown() {} });

describe("attach to a provider", () => {
  it("shows its spans to the bus, also of tracers that exist already, and the exporter goes on", () => {
    const { provider, exporter } = exporting();
    provider.getTracer("app");
    const bus = new EventBus();
    expect(standing(attach(bus, provider))).toEqual({ spans: true, logs: false, waiting: false });
    expect(typesOf(bus, runAgent(provider))).toEqual(whole);
    expect(exporter.getFinishedSpans()).toHaveLength(1);
    expect(warn).not.toHaveBeenCalled();
  });

  it("works on one that has no processor yet", () => {
    const provider = new BasicTracerProvider();
    const bus = new EventBus();
    attach(bus, provider);
    expect(typesOf(bus, runAgent(provider))).toEqual(whole);
  });

  it("takes a logger provider as well", () => {
    const provider = new LoggerProvider({ processors: [quiet()] });
    const bus = new EventBus();
    expect(standing(attach(bus, provider))).toEqual({ spans: false, logs: true, waiting: false });
    runContext("r", () => provider.getLogger("app").emit({ eventName: "order.placed" }));
    expect(typesOf(bus, "r")).toEqual(["order.placed"]);
  });

  it("puts the bus first, and leaves the array of the caller alone", () => {
    const order: string[] = [];
    const bus = new EventBus({ include: () => order.push("bus") > 0 });
    const other = { onStart: () => order.push("other"), onEnd() {}, async forceFlush() {}, async shutdown() {} };
    const processors = [{ ...other, onEnd: () => void bus.stats() }];
    const provider = new BasicTracerProvider({ spanProcessors: processors });
    attach(bus, provider);
    provider.getTracer("app").startSpan("GET /").end();
    expect(processors).toHaveLength(1);
    expect(order).toContain("bus");
  });

  it("twice is once, also when the constructor was given the bus", () => {
    const bus = new EventBus();
    const provider = new BasicTracerProvider({ spanProcessors: [bus] });
    expect(attach(bus, provider).spans).toBe(true);
    expect(attach(bus, provider).spans).toBe(true);
    runAgent(provider);
    expect(bus.stats()).toMatchObject({ published: 3, refused: 0 });
  });

  it("sees the bus inside of another processor", () => {
    const bus = new EventBus();
    const composite = {
      processors: [bus],
      onStart: (...given: Parameters<EventBus["onStart"]>) => bus.onStart(...given),
      onEnd: (...given: Parameters<EventBus["onEnd"]>) => bus.onEnd(...given),
      async forceFlush() {},
      async shutdown() {},
    };
    const provider = new BasicTracerProvider({ spanProcessors: [composite] });
    attach(bus, provider);
    runAgent(provider);
    expect(bus.stats()).toMatchObject({ published: 3, refused: 0 });
  });

  it("ends with close: the bus goes on, the provider too", () => {
    const { provider, exporter } = exporting();
    const bus = new EventBus();
    const attachment = attach(bus, provider);
    attachment.close();
    attachment.close();
    expect(standing(attachment)).toEqual({ spans: false, logs: false, waiting: false });
    runAgent(provider);
    expect(bus.stats().published).toBe(0);
    expect(bus.publish({ runId: "r", type: "note" })).toBeDefined();
    expect(exporter.getFinishedSpans()).toHaveLength(1);
  });

  it("goes on until the last attachment of the same bus is closed", () => {
    const { provider } = exporting();
    const bus = new EventBus();
    const [first, second] = [attach(bus, provider), attach(bus, provider)];
    first.close();
    expect(standing(second)).toEqual({ spans: true, logs: false, waiting: false });
    expect(typesOf(bus, runAgent(provider))).toEqual(whole);
    second.close();
    runAgent(provider);
    expect(bus.stats().published).toBe(3);
    attach(bus, provider);
    expect(typesOf(bus, runAgent(provider))).toEqual(whole);
  });

  it("leaves the bus where the constructor put it", () => {
    const bus = new EventBus();
    const provider = new BasicTracerProvider({ spanProcessors: [bus] });
    attach(bus, provider).close();
    expect(typesOf(bus, runAgent(provider))).toEqual(whole);
  });

  it("shows both events of a span that began before", () => {
    const { provider } = exporting();
    const attributes = { "gen_ai.operation.name": "invoke_agent" };
    const span = provider.getTracer("app").startSpan("invoke_agent a", { attributes });
    const bus = new EventBus();
    attach(bus, provider);
    span.end();
    expect(typesOf(bus, span.spanContext().traceId)).toEqual(whole);
  });

  it("uses addSpanProcessor where there is one", () => {
    const added: unknown[] = [];
    const bus = new EventBus();
    const attachment = attach(bus, { addSpanProcessor: (processor: unknown) => added.push(processor) });
    expect([attachment.spans, added]).toEqual([true, [bus]]);
  });

  it.each([
    ["another maker's", new (class Foreign {})(), "`Foreign`"],
    ["nobody's", Object.create(null), "`object`"],
    [
      "a hostile one's",
      {
        get _activeSpanProcessor() {
          throw new Error("no");
        },
      },
      "could not be changed",
      new Error("no"),
    ],
  ])("says through diag that %s provider has no place for it", (_, provider, message, ...details) => {
    const attachment = attach(new EventBus(), provider);
    expect(standing(attachment)).toEqual({ spans: false, logs: false, waiting: false });
    expect(warn.mock.calls).toEqual([[expect.stringContaining(message), ...details]]);
  });

  it.each([
    [undefined, undefined, "`bus` must be an EventBus, got undefined"],
    [{}, undefined, "`bus` must be an EventBus, got [object Object]"],
    [new EventBus(), null, "`provider` must be a tracer provider or a logger provider, got null"],
    [new EventBus(), "global", '`provider` must be a tracer provider or a logger provider, got "global"'],
  ])("throws a TypeError for %j, %j", (bus, provider, message) => {
    expect(() => attach(bus as EventBus, provider)).toThrow(new TypeError(message));
  });
});

describe("attach to the global providers", () => {
  it("finds what is registered, spans and logs", () => {
    trace.setGlobalTracerProvider(exporting().provider);
    logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [quiet()] }));
    const bus = new EventBus();
    expect(standing(attach(bus))).toEqual({ spans: true, logs: true, waiting: false });
    expect(typesOf(bus, runAgent())).toEqual(whole);
  });

  it("waits for what is registered later, and misses none of its spans", () => {
    const bus = new EventBus();
    const other = new EventBus();
    const attachment = attach(bus);
    attach(other);
    expect(standing(attachment)).toEqual({ spans: false, logs: false, waiting: true });
    trace.setGlobalTracerProvider(exporting().provider);
    const runId = runAgent();
    expect([typesOf(bus, runId), typesOf(other, runId)]).toEqual([whole, whole]);
    logs.setGlobalLoggerProvider(new LoggerProvider({ processors: [quiet()] }));
    expect(standing(attachment)).toEqual({ spans: true, logs: true, waiting: false });
  });

  it("waits for a provider behind the API's proxy, too", () => {
    const bus = new EventBus();
    const attachment = attach(bus, trace.getTracerProvider());
    expect(attachment.waiting).toBe(true);
    trace.setGlobalTracerProvider(exporting().provider);
    expect(attachment.spans).toBe(true);
    expect(typesOf(bus, runAgent())).toEqual(whole);
  });

  it("leaves the API as it was", () => {
    attach(new EventBus());
    trace.setGlobalTracerProvider(exporting().provider);
    const api: object = Reflect.get(globalThis, Symbol.for("opentelemetry.js.api.1"));
    expect(Object.getOwnPropertyDescriptor(api, "trace")).toMatchObject({ writable: true, configurable: true });
    expect(trace.disable()).toBeUndefined();
    expect(trace.setGlobalTracerProvider(exporting().provider)).toBe(true);
  });

  it("looks again each second, should a set-up throw away what the API has before it registers", async () => {
    const bus = new EventBus();
    attach(bus);
    Reflect.deleteProperty(globalThis, Symbol.for("opentelemetry.js.api.1"));
    trace.setGlobalTracerProvider(exporting().provider);
    await vi.advanceTimersByTimeAsync(1000);
    expect(typesOf(bus, runAgent())).toEqual(whole);
  });

  it("stops waiting with close", () => {
    const bus = new EventBus();
    attach(bus).close();
    trace.setGlobalTracerProvider(exporting().provider);
    runAgent();
    expect(bus.stats().published).toBe(0);
  });

  it("that nobody waits for any more is left as it was, however often somebody did", () => {
    const api = Symbol.for("opentelemetry.js.api.1");
    trace.setGlobalTracerProvider(exporting().provider);
    trace.disable();
    const before = Object.getOwnPropertyDescriptors(Reflect.get(globalThis, api));
    for (let n = 0; n < 100; n += 1) attach(new EventBus()).close();
    expect(Object.getOwnPropertyDescriptors(Reflect.get(globalThis, api))).toEqual(before);
    expect(trace.setGlobalTracerProvider(exporting().provider)).toBe(true);
  });

  it("that are set to nothing, as tests reset the API, are waited for, and nothing throws", () => {
    const api = Symbol.for("opentelemetry.js.api.1");
    Reflect.deleteProperty(globalThis, api);
    const bus = new EventBus();
    const attachment = attach(bus);
    Reflect.set(globalThis, api, undefined);
    trace.setGlobalTracerProvider(exporting().provider);
    expect(attachment).toMatchObject({ spans: true, waiting: false });
    expect(typesOf(bus, runAgent())).toEqual(whole);
  });

  it("of a kind that nobody knows are told through diag, and registered all the same", () => {
    attach(new EventBus());
    const odd = Object.freeze({ getDelegate: () => undefined, getTracer: () => undefined });
    expect(trace.setGlobalTracerProvider(odd as never)).toBe(true);
    const api = Symbol.for("opentelemetry.js.api.1");
    Reflect.deleteProperty(globalThis, api);
    attach(new EventBus());
    Reflect.set(globalThis, api, Object.freeze({ version: "1.9.0" }));
    expect(warn).toHaveBeenCalled();
    Reflect.deleteProperty(globalThis, api);
  });

  it("says through diag, once, that it still waits", async () => {
    attach(new EventBus());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("no tracer provider was registered so far"));
  });

  it("says nothing when one comes in time, or nobody wants it any more", async () => {
    attach(new EventBus()).close();
    attach(new EventBus());
    trace.setGlobalTracerProvider(exporting().provider);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(warn).not.toHaveBeenCalled();
  });
});

describe("spanbus/register", () => {
  it("attaches the bus of the process, and the one that takes its place", () => {
    trace.setGlobalTracerProvider(exporting().provider);
    resetEventBus();
    expect(typesOf(getEventBus(), runAgent())).toEqual(whole);
    const own = new EventBus();
    const before = getEventBus();
    setEventBus(own);
    const runId = runAgent();
    expect([typesOf(own, runId), typesOf(before, runId)]).toEqual([whole, []]);
    expect(attachEventBus()).toMatchObject({ spans: true });
  });

  it("looks again when somebody asks for the bus", () => {
    resetEventBus();
    getEventBus();
    Reflect.deleteProperty(globalThis, Symbol.for("opentelemetry.js.api.1"));
    trace.setGlobalTracerProvider(exporting().provider);
    const bus = getEventBus();
    expect(typesOf(bus, runAgent())).toEqual(whole);
  });

  it("attaches the next bus to the next SDK, when both were shut down", async () => {
    vi.useRealTimers();
    resetEventBus();
    for (const _ of ["one SDK", "the next"]) {
      const sdk = new NodeSDK({
        autoDetectResources: false,
        spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
        logRecordProcessors: [quiet()],
        metricReaders: [],
      });
      sdk.start();
      expect(typesOf(getEventBus(), runAgent())).toEqual(whole);
      await sdk.shutdown();
      unregister();
    }
  });
});
