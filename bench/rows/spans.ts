import { nanosPer, turn } from "../harness/clock.js";
import type { Case, Measure, Row } from "../harness/row.js";
import type { TraceInput } from "../inputs/spans.js";
import type { OpenPipeline } from "../span-path/pipelines.js";

type Pipelines = typeof import("../span-path/pipelines.js");
type Peers = typeof import("../span-path/peers.js");
type InputName = "agentTrace" | "plainTrace";

const NONE = "no processor";
const BATCH = "BatchSpanProcessor, exporter does nothing";
const SPANBUS = "spanbus";
const READ = "spanbus, ten readers in batches";
const LIMIT = "limit, two records a span";
const PROTOBUF = "BatchSpanProcessor, OTLP protobuf";
const LANGFUSE = "Langfuse, media off";
const OPEN_INFERENCE = "OpenInference, batch";
const TRACELOOP = "Traceloop";

const OWN = (choose: (pipelines: Pipelines) => OpenPipeline, input: InputName) => async (): Promise<Measure> =>
  measured(choose(await import("../span-path/pipelines.js")), await inputOf(input));

const PEER = (choose: (peers: Peers) => OpenPipeline) => async (): Promise<Measure> =>
  measured(choose(await import("../span-path/peers.js")), await inputOf("agentTrace"));

async function inputOf(name: InputName): Promise<TraceInput> {
  return (await import("../inputs/spans.js"))[name];
}

/** Plays trace after trace, with a turn of the event loop after each, and looks whether all of them arrived. */
async function measured(open: OpenPipeline, input: TraceInput): Promise<Measure> {
  const { play, SPANS } = await import("../inputs/spans.js");
  const { sdk } = await import("#sdk");
  return async () => {
    const { processors, arrived } = await open();
    const tracer = sdk.provider(processors).getTracer(input.scope);
    let traces = 0;
    const trace = (): Promise<void> => {
      traces += 1;
      play(tracer, input);
      return turn();
    };
    await trace();
    await trace();
    await arrived(traces);
    const span = await nanosPer(SPANS, trace);
    await arrived(traces);
    return { span };
  };
}

const EXPORTS = "keeps nothing past a batch, delivers nothing";

const plainCases: readonly Case[] = [
  { name: SPANBUS, load: OWN(({ busOfPlainSpans }) => busOfPlainSpans, "plainTrace") },
  { name: NONE, less: "nothing is done", load: OWN(({ none }) => none, "plainTrace") },
  { name: "NoopSpanProcessor", less: "nothing is done", load: OWN(({ noop }) => noop, "plainTrace") },
  { name: BATCH, less: "keeps a batch of spans", load: OWN(({ batch }) => batch, "plainTrace") },
];

const agentCases: readonly Case[] = [
  { name: SPANBUS, load: OWN(({ bus }) => bus, "agentTrace") },
  { name: READ, load: OWN(({ busWithReaders }) => busWithReaders, "agentTrace") },
  { name: LIMIT, less: "one instrumentation, no copy, no checks", load: OWN(({ limit }) => limit, "agentTrace") },
  { name: NONE, less: "nothing is done", load: OWN(({ none }) => none, "agentTrace") },
  { name: BATCH, less: EXPORTS, load: OWN(({ batch }) => batch, "agentTrace") },
  {
    name: "SimpleSpanProcessor, exporter does nothing",
    less: "keeps nothing",
    load: OWN(({ simple }) => simple, "agentTrace"),
  },
  { name: PROTOBUF, less: EXPORTS, load: OWN(({ otlpProtobuf }) => otlpProtobuf, "agentTrace") },
  { name: "BatchSpanProcessor, OTLP JSON", less: EXPORTS, load: OWN(({ otlpJson }) => otlpJson, "agentTrace") },
];

/** They need the second generation of the SDK. */
const peerCases: readonly Case[] = [
  { name: LANGFUSE, less: EXPORTS, load: PEER(({ langfuse }) => langfuse) },
  { name: OPEN_INFERENCE, less: EXPORTS, load: PEER(({ openInference }) => openInference) },
  { name: "OpenInference, simple", less: EXPORTS, load: PEER(({ openInferenceSimple }) => openInferenceSimple) },
  { name: TRACELOOP, less: EXPORTS, load: PEER(({ traceloop }) => traceloop) },
];

/** What their newest releases of November 2026 ask for, by their `package.json`. */
const needSdk2 = {
  "Langfuse 5.11.1": "needs SDK 2: @opentelemetry/sdk-trace-base ^2.0.1",
  "OpenInference 3.2.1": "needs SDK 2: @opentelemetry/core ^2.8.0",
  "Traceloop 0.27.0": "needs SDK 2: @opentelemetry/sdk-trace-base ^2.0.1",
};

type Generation = 2 | 3;

/** What runs with which generation of the SDK; the third needs Node 22. */
const run = {
  2: { suffix: "", packages: "bench" },
  3: { suffix: "-sdk-3", packages: "bench/sdk-3", nodes: [24] },
} as const;

function plainSpans(sdk: Generation): Row {
  const { suffix, ...where } = run[sdk];
  return {
    name: `plain-spans${suffix}`,
    title: `A span that is no agent's, SDK ${sdk}`,
    says: "The whole life of a span: started, given six attributes, ended; traces of 50.",
    figures: { span: "ns per span" },
    cases: plainCases,
    goals: [
      {
        row: "12",
        says: "to the same span with a BatchSpanProcessor whose exporter does nothing",
        got: (of) => of(SPANBUS, "span") / of(BATCH, "span"),
        atMost: 1.05,
      },
    ],
    ...where,
  };
}

function agentSpans(sdk: Generation): Row {
  const { suffix, ...where } = run[sdk];
  return {
    name: `agent-spans${suffix}`,
    title: `An agent's span, SDK ${sdk}`,
    says: "The same for the spans of an agent and its tools, of which each becomes two events; runs of 101 events, 200 kept.",
    figures: { span: "ns per span" },
    cases: sdk === 2 ? [...agentCases, ...peerCases] : agentCases,
    ...(sdk === 3 && { absent: needSdk2 }),
    goals: [
      {
        row: "13",
        says: "to the same span with a BatchSpanProcessor whose exporter does nothing",
        got: (of) => of(SPANBUS, "span") / of(BATCH, "span"),
        atMost: 1.8,
      },
      ...(sdk === 2
        ? [
            added(SPANBUS, LANGFUSE, "13", 0.75),
            added(SPANBUS, OPEN_INFERENCE, "13", 0.5),
            added(SPANBUS, TRACELOOP, "13", 0.5),
          ]
        : []),
      added(READ, PROTOBUF, "14", 0.7),
    ],
    ...where,
  };
}

function added(who: string, to: string, row: string, atMost: number): Row["goals"][number] {
  return {
    row,
    says: `added by ${who}, to what ${to} adds`,
    got: (of) => (of(who, "span") - of(NONE, "span")) / (of(to, "span") - of(NONE, "span")),
    atMost,
  };
}

export const plain: Row = plainSpans(2);
export const plainWithSdk3: Row = plainSpans(3);
export const agent: Row = agentSpans(2);
export const agentWithSdk3: Row = agentSpans(3);
