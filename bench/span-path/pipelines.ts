import { EventBus } from "spanbus";
import { sdk } from "#sdk";
import { looping } from "../candidates/channel.js";
import { turn } from "../harness/clock.js";
import { SPANS } from "../inputs/spans.js";
import { Edge, json, protobuf } from "./exporters.js";
import { LimitProcessor } from "./limit-processor.js";
import type { ReadableSpan, SpanProcessor } from "./sdk.js";

/** Processors, and what must have come out of them when so many traces have been played. */
export interface Pipeline {
  readonly processors: SpanProcessor[];
  /** Throws unless all arrived. */
  arrived(traces: number): Promise<void>;
}

export type OpenPipeline = () => Pipeline | Promise<Pipeline>;

export const none: OpenPipeline = () => ({ processors: [], arrived: async () => undefined });
export const noop: OpenPipeline = () => ({ processors: [sdk.noop()], arrived: async () => undefined });
export const batch: OpenPipeline = () => exporting(new Edge(), sdk.batch);
export const simple: OpenPipeline = () => exporting(new Edge(), sdk.simple);
export const otlpProtobuf: OpenPipeline = () => exporting(new Edge(protobuf), sdk.batch);
export const otlpJson: OpenPipeline = () => exporting(new Edge(json), sdk.batch);

/** A bus, of which nobody reads. */
export const bus: OpenPipeline = () => {
  const made = new EventBus();
  return { processors: [made], arrived: async (traces) => eventsArrived(made, traces) };
};

/** A bus for spans that are none of its business. */
export const busOfPlainSpans: OpenPipeline = () => {
  const made = new EventBus();
  return {
    processors: [made],
    arrived: async () => {
      const { published, openSpans } = made.stats();
      if (published + openSpans > 0) throw new Error(`${published} events of spans that are no agent's`);
    },
  };
};

/** A bus with ten readers of everything, in batches. */
export const busWithReaders: OpenPipeline = async () => {
  const made = new EventBus();
  let received = 0;
  for (let index = 0; index < 10; index += 1) {
    await looping(async () => {
      for await (const events of made.subscribeGlobal().batches()) received += events.length;
    });
  }
  return {
    processors: [made],
    arrived: async (traces) => {
      eventsArrived(made, traces);
      await turn();
      // Each sees the run opened and closed, too.
      const expected = 10 * traces * (EVENTS + 2);
      if (received !== expected) throw new Error(`readers got ${received} of ${expected} events`);
    },
  };
};

export const limit: OpenPipeline = () => {
  const processor = new LimitProcessor();
  return { processors: [processor], arrived: async () => undefined };
};

/** The start and the end of each span, and how the agent ended. */
const EVENTS = 2 * SPANS + 1;

function eventsArrived(made: EventBus, traces: number): void {
  const { published, errors, openSpans } = made.stats();
  if (published !== traces * EVENTS || errors + openSpans > 0) throw new Error(`${published} events`);
  const events = made.history(made.runs()[0]?.runId ?? "");
  const tool = events.at(-3);
  if (
    events.length !== EVENTS ||
    tool?.type !== "agent.tool.completed" ||
    tool.data.toolName !== "get_weather" ||
    !tool.data.result
  ) {
    throw new Error("the events of a tool are not what they should be");
  }
}

/** A processor with an exporter that stands for the network. */
export function exporting(edge: Edge, make: (edge: Edge) => SpanProcessor): Pipeline {
  const processor = make(edge);
  return {
    processors: [processor],
    arrived: async (traces) => {
      await processor.forceFlush();
      if (edge.spans !== traces * SPANS) throw new Error(`${edge.spans} of ${traces * SPANS} spans were exported`);
    },
  };
}

/** Like `exporting`, of one that must have set the attribute on each tool's span. */
export function converting(attribute: string, make: (edge: Edge) => SpanProcessor): Pipeline {
  let converted = 0;
  const seen = ({ attributes }: ReadableSpan): void => {
    if (attributes["ai.operationId"] === "ai.toolCall" && attribute in attributes) converted += 1;
  };
  const pipeline = exporting(new Edge(undefined, seen), make);
  return {
    ...pipeline,
    arrived: async (traces) => {
      await pipeline.arrived(traces);
      if (converted !== traces * (SPANS - 1)) throw new Error(`${converted} spans have ${attribute}`);
    },
  };
}
