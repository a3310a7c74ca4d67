import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { OpenAIInstrumentation } from "@traceloop/instrumentation-openai";
import { OpenAI } from "openai";
import { EventBus } from "spanbus";

export const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();
new OpenAIInstrumentation().manuallyInstrument(OpenAI);

export { OpenAI };
