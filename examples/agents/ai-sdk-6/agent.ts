// An agent of the AI SDK 6, whose spans come with `experimental_telemetry`: npm run agent -- ai-sdk-6
import assert from "node:assert/strict";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { EventBus } from "spanbus";
import { observeAiSdk } from "spanbus/ai-sdk";
import { z } from "zod";
import { type Answer, call, script } from "../stage/ai-sdk-script.js";
import { linesOf, seen } from "../stage/lines.js";

// One that is aborted leaves a span open: half a second without an event, and its run is closed.
const bus = new EventBus({ closeGraceMillis: 500 });
new NodeTracerProvider({ spanProcessors: [bus] }).register();
// Version 6 publishes nothing on the channel that this listens to: it does no harm, and is there for an update to 7.
observeAiSdk(bus);

// Each call waits for what a reader of the run sees, so that nothing here ends unless the stream is live.
const sees = (runId: string, type: string) =>
  seen(bus, runId, (event) => event.type === type && JSON.stringify(event.data).includes('"weather"'));
const inputSchema = z.object({ city: z.string() });
const tools = {
  weather: tool({
    description: "The weather of a city",
    inputSchema,
    execute: async ({ city }) => {
      await sees(city, "agent.tool.started");
      return `rain in ${city}`;
    },
  }),
  flights: tool({
    description: "Flights to a city",
    inputSchema,
    execute: async ({ city }): Promise<string> => {
      await sees(city, "agent.tool.completed");
      throw new Error("the flight search did not answer");
    },
  }),
};

const asks = (city: string): Answer => [call("weather", { city }), call("flights", { city })];
const trip = (city: string, ...answers: Answer[]) => ({
  model: new MockLanguageModelV3(script(...answers)),
  tools,
  prompt: `Plan my trip to ${city}.`,
  stopWhen: stepCountIs(5),
  maxRetries: 0,
  experimental_telemetry: { isEnabled: true, functionId: "travel-agent" },
});
const watch = (runId: string, work: () => Promise<unknown>) =>
  linesOf(bus, runId, work, (error) => /overloaded/.test(String(error)));

const answered = (...firstChunk: string[]) => [
  "  model.started",
  ...firstChunk,
  "  model.completed",
  "  tokens.used 10+5",
];
const planned = [
  "invocation.started travel-agent",
  ...answered(),
  "  tool.started weather",
  "  tool.started flights",
  "  tool.completed weather",
  "  tool.failed flights: the flight search did not answer",
  ...answered(),
  "invocation.completed travel-agent",
  "terminate completed 20+10",
];

// Two at once; tools at once, one of which fails.
const [oslo, rome] = await Promise.all(
  ["Oslo", "Rome"].map((city) => watch(city, () => generateText(trip(city, asks(city), "Take an umbrella.")))),
);
assert.deepEqual(oslo, { lines: planned, outcome: "completed" });
assert.deepEqual(rome, { lines: planned, outcome: "completed" });

// A stream says when its first chunk is there.
const bern = await watch("Bern", async () => {
  let text = "";
  for await (const delta of streamText(trip("Bern", asks("Bern"), "Take an umbrella.")).textStream) text += delta;
  assert.equal(text, "Take an umbrella.");
});
assert.equal(bern.outcome, "completed");
assert.equal(bern.lines.filter((line) => line.endsWith("model.first_chunk")).length, 2);
assert.equal(bern.lines.at(-1), "terminate completed 20+10");

// The model fails.
const atlantis = await watch("Atlantis", () => generateText(trip("Atlantis", new Error("overloaded"))));
assert.deepEqual(atlantis, {
  lines: [
    "invocation.started travel-agent",
    "  model.started",
    "  model.failed: overloaded",
    "invocation.failed travel-agent: overloaded",
    "terminate failed: overloaded",
  ],
  outcome: "failed",
});

// The reader goes away. The span of the model is left open then, and that of the agent ends as if nothing had happened.
const avalon = await watch("Avalon", async () => {
  const patience = new AbortController();
  const story = { ...trip("Avalon", "Once upon a time there was a bus"), abortSignal: patience.signal };
  for await (const part of streamText(story).fullStream) if (part.type === "text-delta") patience.abort();
});
assert.equal(avalon.outcome, "completed");
assert.equal(avalon.lines.at(-1), "  model.failed: The span was still open when its run was closed.");

assert.equal(bus.stats().openSpans, 0);
console.log("all as expected");
