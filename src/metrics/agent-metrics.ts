import type { Attributes, Histogram, Meter, UpDownCounter } from "@opentelemetry/api";
import type { BusEvent } from "../bus/event.js";
import {
  type AgentAttribute,
  type AgentFigureRow,
  type AgentMetric,
  agentAttributes,
  agentFigures,
  measured,
} from "./agent-figures.js";
import { BoundedAttributes } from "./bounded-attributes.js";
import type { Stop } from "./component.js";
import type { ObservedBus } from "./observed-bus.js";
import { OpenOperations } from "./open-operations.js";

type Data = Readonly<Record<string, unknown>>;
type Extra = { readonly [A in AgentAttribute]?: string | undefined };

/** Measures agents, models and tools by their events. */
export function recordAgents(meter: Meter, bus: ObservedBus, component: Attributes): Stop {
  const recorder = new AgentRecorder(meter, component);
  const tap = bus.tap({ event: (event) => recorder.event(event), closed: ({ runId }) => recorder.closed(runId) });
  return () => {
    tap.close();
    recorder.stop();
    return undefined;
  };
}

class AgentRecorder {
  readonly #component: Attributes;
  readonly #bounded = new BoundedAttributes();
  readonly #histograms = new Map<AgentMetric, Histogram>();
  readonly #active: UpDownCounter;
  readonly #open = new OpenOperations((agentName) => this.#count(-1, agentName));
  /** The operation that ended last: its tokens are told right behind its end. */
  #ended: { readonly spanId: string | undefined; readonly name: string } | undefined;

  constructor(meter: Meter, component: Attributes) {
    this.#component = component;
    for (const [metric, row] of Object.entries<AgentFigureRow>(agentFigures)) {
      const { instrument, unit, says: description, boundaries } = row;
      if (instrument === "upDownCounter") continue;
      const advice = boundaries && { explicitBucketBoundaries: [...boundaries] };
      this.#histograms.set(
        metric as AgentMetric,
        meter.createHistogram(metric, { unit, description, ...(advice && { advice }) }),
      );
    }
    const { unit, says: description } = agentFigures["spanbus.agent.run.active"];
    this.#active = meter.createUpDownCounter("spanbus.agent.run.active", { unit, description });
  }

  event(event: BusEvent): void {
    const data = event.data as Data;
    if (event.type === "agent.tokens.used") return this.#tokens(event, data);
    if (event.type === "agent.model.first_chunk") return this.#open.firstChunk(event, data["timeToFirstChunkMillis"]);
    const [, operation = "", phase] = /^agent\.(\w+)\.(started|completed|failed)$/.exec(event.type) ?? [];
    if (phase === "started") this.#started(event, operation, data);
    else if (phase !== undefined) this.#finished(event, operation, data);
  }

  closed(runId: string): void {
    this.#open.forget(runId);
  }

  stop(): void {
    this.#open.forgetAll();
  }

  #started(event: BusEvent, operation: string, data: Data): void {
    const { agentName: name, toolName } = data;
    const agentName = typeof name === "string" ? name : undefined;
    const isNew = this.#open.began(event, { operation, agentName, toolName });
    if (isNew && operation === "invocation") this.#count(1, agentName);
  }

  #finished(event: BusEvent, operation: string, data: Data): void {
    const span = this.#open.ended(event);
    if (!isMeasured(operation)) return;
    const { metric, name } = measured[operation];
    this.#ended = { spanId: event.spanId, name };
    // The operation below it did the work, and was measured.
    if (span?.wraps) return;
    const { durationMillis, error, timeToFirstChunkMillis = span?.firstChunkMillis } = data;
    const errorType = event.type.endsWith(".failed")
      ? ((error as { type?: string } | undefined)?.type ?? "_OTHER")
      : undefined;
    const extra = { "gen_ai.operation.name": name, "error.type": errorType };
    // Some agents end under another name than they began with; the first is the one that its tools are told under.
    const named = span?.agentName === undefined ? data : { ...data, agentName: span.agentName };
    this.#record(metric, seconds(durationMillis), named, extra);
    if (operation === "model") {
      this.#record("gen_ai.client.operation.time_to_first_chunk", seconds(timeToFirstChunkMillis), data, extra);
    }
  }

  #tokens(event: BusEvent, data: Data): void {
    const name = this.#ended && this.#ended.spanId === event.spanId ? this.#ended.name : measured.model.name;
    for (const [type, count] of [
      ["input", data["inputTokens"]],
      ["output", data["outputTokens"]],
    ] as const) {
      const extra = { "gen_ai.operation.name": name, "gen_ai.token.type": type };
      this.#record("gen_ai.client.token.usage", positive(count), data, extra);
    }
  }

  #count(change: 1 | -1, agentName: string | undefined): void {
    this.#active.add(change, this.#attributes("spanbus.agent.run.active", { agentName }));
  }

  #record(metric: AgentMetric, value: number | undefined, data: Data, extra: Extra): void {
    if (value !== undefined) this.#histograms.get(metric)?.record(value, this.#attributes(metric, data, extra));
  }

  #attributes(metric: AgentMetric, data: Data, extra: Extra = {}): Attributes {
    const words: Attributes = {};
    const names: Record<string, string> = {};
    for (const name of agentFigures[metric].attributes) {
      const { field, isOurs } = agentAttributes[name];
      const value = field === undefined ? extra[name] : data[field];
      if (typeof value !== "string" || value === "") continue;
      if (isOurs) words[name] = value;
      else names[name] = value;
    }
    return { ...this.#component, ...words, ...this.#bounded.of(metric, names) };
  }
}

function isMeasured(operation: string): operation is keyof typeof measured {
  return Object.hasOwn(measured, operation);
}

function seconds(millis: unknown): number | undefined {
  const value = positive(millis);
  return value === undefined ? undefined : value / 1000;
}

/** Anybody may publish events with these names: only what is a number counts. */
function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
