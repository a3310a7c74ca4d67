/** Where a generation of the SDK has its classes. */
export interface Sdk {
  readonly traces: string;
  readonly TracerProvider: string;
  readonly logs: string;
}

/** A program that gives a bus to everything that takes processors. It must compile. */
export const acceptsTheBus = ({ traces, TracerProvider, logs }: Sdk) => `
  import { LoggerProvider, type LogRecordProcessor } from "${logs}";
  import { AlwaysOnSampler, ${TracerProvider}, type Sampler, type SpanProcessor } from "${traces}";
  import { alwaysRecord, EventBus } from "spanbus";

  const bus = new EventBus();
  export const spans: SpanProcessor = bus;
  export const records: LogRecordProcessor = bus;
  export const both: SpanProcessor & LogRecordProcessor = bus;
  export const sampler: Sampler = alwaysRecord(new AlwaysOnSampler());
  export const tracing = new ${TracerProvider}({ sampler, spanProcessors: [bus] });
  export const logging = new LoggerProvider({ processors: [bus] });

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
`;

/** A program that runs an agent on the SDK and prints what the bus made of it, as JSON. */
export const runsAnAgent = ({ traces, TracerProvider, logs }: Sdk) => `
  import { context, trace } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { LoggerProvider } from "${logs}";
  import { AlwaysOffSampler, ${TracerProvider} } from "${traces}";
  import { alwaysRecord, EventBus } from "spanbus";

  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const bus = new EventBus();
  const provider = new ${TracerProvider}({ sampler: alwaysRecord(new AlwaysOffSampler()), spanProcessors: [bus] });
  const tracer = provider.getTracer("app");
  const logger = new LoggerProvider({ processors: [bus] }).getLogger("app");

  const operation = (name) => ({ attributes: { "gen_ai.operation.name": name } });
  const reader = bus.subscribe("r");
  const end = bus.run("r", async () => {
    await tracer.startActiveSpan("invoke_agent planner", operation("invoke_agent"), async (agent) => {
      const model = tracer.startSpan("chat gpt", operation("chat"));
      await Promise.resolve();
      model.addEvent("gen_ai.choice", { index: 0 });
      model.setAttribute("gen_ai.usage.input_tokens", 7);
      model.end();
      const tool = tracer.startSpan("execute_tool search", operation("execute_tool"));
      tool.recordException(new TypeError("no such city"));
      tool.end();
      logger.emit({ eventName: "order.placed", body: "placed", attributes: { orderId: 7 } });
      agent.end();
    });
  });
  const seen = [];
  for await (const event of reader) seen.push([event.type, event.parentSpanId !== undefined, event.data]);
  await end;
  const { outcome } = await reader.ended;
  await provider.shutdown();
  await bus.shutdown();
  process.stdout.write(JSON.stringify({ seen, outcome, errors: bus.stats().errors }));
`;

/** What that agent comes to, on any SDK. */
export const whatTheAgentDid = {
  seen: [
    ["agent.invocation.started", false],
    ["agent.model.started", true],
    ["gen_ai.choice", true],
    ["agent.model.completed", true],
    ["agent.tokens.used", true],
    ["agent.tool.started", true],
    ["agent.tool.failed", true],
    ["order.placed", false],
    ["agent.invocation.completed", false],
    ["agent.terminate", false],
  ],
  outcome: "completed",
  errors: 0,
};

/** A program that observes a bus before there is a meter provider, and prints what the last export had, as JSON. */
export const exportsMetrics = `
  import { metrics } from "@opentelemetry/api";
  import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
  import { EventBus } from "spanbus";
  import { observeEventBus } from "spanbus/metrics";

  const last = new Map();
  class LastExport extends MetricReader {
    async onForceFlush() {}
    async onShutdown() {
      const { resourceMetrics } = await this.collect();
      for (const { metrics } of resourceMetrics.scopeMetrics) {
        for (const { descriptor, dataPoints } of metrics) {
          const value = dataPoints[0]?.value;
          last.set(descriptor.name, typeof value === "object" ? value.count : value);
        }
      }
    }
  }

  const bus = new EventBus();
  observeEventBus(bus, { agentMetrics: true });
  const provider = new MeterProvider({ readers: [new LastExport()] });
  observeEventBus(new EventBus(), { meterProvider: new MeterProvider() }).close();
  metrics.setGlobalMeterProvider(provider);
  bus.publish({ runId: "r", type: "agent.tool.completed", data: { toolName: "search", durationMillis: 5 } });
  await Promise.all([bus.shutdown(), provider.shutdown()]);
  const shown = ["spanbus.event.published", "spanbus.history.event.count", "gen_ai.execute_tool.duration"];
  process.stdout.write(JSON.stringify(shown.map((name) => last.get(name))));
`;
