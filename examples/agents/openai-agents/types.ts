// What the SDK hands to a processor is what `spanbus/openai-agents` reads: compiled, never run.
import type { Span, Trace, TracingProcessor } from "@openai/agents";
import type { AgentsSpanLike, AgentsTraceLike, BusTracingProcessor } from "spanbus/openai-agents";

type Fits<Wanted, Given extends Wanted> = Given;

export type Fitting = [
  Fits<AgentsTraceLike, Trace>,
  Fits<AgentsSpanLike, Span<{ type: "agent"; name: string }>>,
  Fits<TracingProcessor, BusTracingProcessor>,
];
