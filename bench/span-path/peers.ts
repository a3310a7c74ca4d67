import { OpenInferenceBatchSpanProcessor, OpenInferenceSimpleSpanProcessor } from "@arizeai/openinference-vercel";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { createSpanProcessor } from "@traceloop/node-server-sdk";
import { AGENT_SCOPE } from "../inputs/spans.js";
import { Edge } from "./exporters.js";
import { converting, exporting, type OpenPipeline } from "./pipelines.js";

export const langfuse: OpenPipeline = () =>
  exporting(
    new Edge(),
    (exporter) => new LangfuseSpanProcessor({ exporter, publicKey: "pk", secretKey: "sk", mediaUploadEnabled: false }),
  );

export const openInference: OpenPipeline = () =>
  converting("openinference.span.kind", (exporter) => new OpenInferenceBatchSpanProcessor({ exporter }));

export const openInferenceSimple: OpenPipeline = () =>
  converting("openinference.span.kind", (exporter) => new OpenInferenceSimpleSpanProcessor({ exporter }));

export const traceloop: OpenPipeline = () =>
  converting("traceloop.span.kind", (exporter) =>
    createSpanProcessor({ exporter, apiKey: "none", allowedInstrumentationLibraries: [AGENT_SCOPE] }),
  );
