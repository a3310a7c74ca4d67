import { type Context, context, ROOT_CONTEXT, type Span, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { type EventBus, runContext } from "spanbus";

const SPANS_PER_ROUND = 7;
const TEXT = "What is the weather like in Oslo today, and should I take an umbrella with me? ".repeat(2);

export const macrotask = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A service whose spans and logs go to the bus, and which is not always well-behaved. */
export class Application {
  readonly #bus: EventBus;
  readonly #provider: BasicTracerProvider;
  readonly #logs: LoggerProvider;
  readonly #rounds: number;
  readonly #began: (span: Span) => void;

  /** In each run an agent goes through so many rounds; `began` hears of every span. */
  constructor(bus: EventBus, rounds: number, began: (span: Span) => void) {
    this.#bus = bus;
    this.#rounds = rounds;
    this.#provider = new BasicTracerProvider({ spanProcessors: [bus] });
    this.#logs = new LoggerProvider({ processors: [bus] });
    this.#began = began;
  }

  get spansPerRun(): number {
    return 1 + this.#rounds * SPANS_PER_ROUND;
  }

  /** Plays run `n`, of which the way depends on `n` alone. `known` is called with its id as soon as there is one. */
  async play(n: number, known: (runId: string) => void): Promise<void> {
    const way = ways[n % ways.length] as Way;
    await way(this, this.#bus, n, known);
  }

  /** An agent at work. In each round, three spans are events and four are not. */
  async work(n: number, { under = context.active(), open = "", fails = false, known }: Work = {}): Promise<Span> {
    const agent = this.operation("invoke_agent", under, { "gen_ai.agent.name": `agent ${n % 5}` });
    known?.(agent.spanContext().traceId);
    const inside = trace.setSpan(under, agent);
    for (let round = 0; round < this.#rounds; round += 1) {
      const model = this.operation("chat", inside, { "gen_ai.request.model": "gpt", "gen_ai.input.messages": TEXT });
      this.plain("POST", trace.setSpan(inside, model)).end();
      model.addEvent("gen_ai.choice", { index: round });
      context.with(trace.setSpan(inside, model), () => {
        for (const text of ["It ", "rains."]) this.#bus.emit("agent.model.chunk", { text });
      });
      model.setAttributes({ "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 5 });
      model.end();
      const tool = this.operation("execute_tool", inside, { "gen_ai.tool.name": "forecast" });
      const query = this.plain("SELECT", trace.setSpan(inside, tool));
      this.plain("connect", trace.setSpan(inside, query)).end();
      query.end();
      this.#logs.getLogger("app").emit({
        eventName: "forecast.made",
        attributes: { round },
        context: trace.setSpan(inside, tool),
      });
      if (fails) tool.setStatus({ code: SpanStatusCode.ERROR, message: "no answer" });
      if (open !== "tool" || round < this.#rounds - 1) tool.end();
      const work = this.plain("work", inside);
      this.operation("retrieval", trace.setSpan(inside, work), {}).end();
      if (open !== "plain") work.end();
      await macrotask();
    }
    if (open !== "agent") agent.end();
    return agent;
  }

  operation(name: string, under: Context, attributes: Record<string, string>): Span {
    return this.#start(name, under, { "gen_ai.operation.name": name, ...attributes });
  }

  plain(name: string, under: Context): Span {
    return this.#start(name, under, { "http.route": "/forecast" });
  }

  #start(name: string, under: Context, attributes: Record<string, string>): Span {
    const span = this.#provider.getTracer("app").startSpan(name, { attributes }, under);
    this.#began(span);
    return span;
  }
}

interface Work {
  readonly under?: Context;
  /** What is never ended. */
  readonly open?: "" | "tool" | "plain" | "agent";
  readonly fails?: boolean;
  /** Told the id of the trace. */
  readonly known?: ((traceId: string) => void) | undefined;
}

type Known = (runId: string) => void;
type Way = (app: Application, bus: EventBus, n: number, known: Known) => Promise<unknown>;

const unbound: Way = (app, _bus, n, known) => app.work(n, { known });

const inRun: Way = (app, bus, n, known) =>
  bus.run((runId) => {
    known(runId);
    return app.work(n);
  });

/** The same few ids over and over: each opens the next generation. */
const reopened: Way = async (app, bus, n, known) => {
  const runId = `conversation ${n % 360}`;
  known(runId);
  await runContext(runId, () => app.work(n));
  bus.closeStream(runId);
};

const dropped: Way = async (app, bus, n, known) => {
  const runId = `dropped ${n}`;
  known(runId);
  await runContext(runId, () => app.work(n));
  bus.dropHistory(runId);
};

const closedTooEarly: Way = async (app, bus, n, known) => {
  const runId = `early ${n}`;
  known(runId);
  const working = runContext(runId, () => app.work(n));
  await macrotask();
  await macrotask();
  bus.closeStream(runId, "cancelled");
  await working;
};

const failing: Way = (app, bus, n, known) =>
  bus
    .run(async (runId) => {
      known(runId);
      await app.work(n, { fails: true });
      throw new Error("broken");
    })
    .catch(() => undefined);

/** Its trace began elsewhere: the run is never sealed here. */
const remote: Way = (app, _bus, n, known) => {
  const spanContext = {
    traceId: n.toString(16).padStart(32, "7"),
    spanId: "b7ad6b7169203331",
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
  return app.work(n, { under: trace.setSpanContext(ROOT_CONTEXT, spanContext), known });
};

const endedTwice: Way = async (app, bus, n, known) => {
  const agent = (await app.work(n, { known })) as Span & Parameters<EventBus["onEnd"]>[0];
  bus.onEnd(agent);
  bus.onStart(agent);
};

const leftOpen =
  (open: "tool" | "plain" | "agent"): Way =>
  (app, _bus, n, known) =>
    app.work(n, { open, known });

const ways: readonly Way[] = [
  ...[unbound, unbound, unbound, unbound, unbound, inRun, inRun, inRun, reopened, reopened],
  ...[reopened, reopened, dropped, closedTooEarly, failing, remote, endedTwice],
  ...[leftOpen("tool"), leftOpen("plain"), leftOpen("agent")],
];

/** After so many runs everything has been played once with every reader. */
export const WAYS = ways.length;
