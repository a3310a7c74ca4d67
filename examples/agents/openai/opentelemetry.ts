import { register } from "node:module";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { OpenAIInstrumentation } from "@opentelemetry/instrumentation-openai";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { EventBus } from "spanbus";

// Lets instrumentations reach what is imported from here on. With `require` it is not needed.
register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);

export const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();
registerInstrumentations({ instrumentations: [new OpenAIInstrumentation()] });

export const { OpenAI } = await import("openai");
