// Agents of the AI SDK 7, and every way in which a bus hears of them:
//   npm run agent -- ai-sdk-7 channel         what the SDK publishes itself, with `observeAiSdk`
//   npm run agent -- ai-sdk-7 spans           the spans of @ai-sdk/otel
//   npm run agent -- ai-sdk-7 spans-first     both, and each call is told once
//   npm run agent -- ai-sdk-7 channel-first   the same, set up the other way round
import assert from "node:assert/strict";
import { OpenTelemetry } from "@ai-sdk/otel";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { embed, generateText, isStepCount, registerTelemetry, streamText, tool } from "ai";
import { MockEmbeddingModelV4, MockLanguageModelV4 } from "ai/test";
import { EventBus } from "spanbus";
import { observeAiSdk } from "spanbus/ai-sdk";
import { z } from "zod";
import { type Answer, call, script } from "../stage/ai-sdk-script.js";
import { linesOf, seen } from "../stage/lines.js";

const way = process.argv[2] ?? "channel";
const bus = new EventBus();
const channel = () => observeAiSdk(bus);
const spans = () => registerTelemetry(new OpenTelemetry());
// `bus.run` needs the context manager that `register` brings.
new NodeTracerProvider({ spanProcessors: [bus] }).register();
const setUps: Record<string, (() => unknown)[]> = {
  channel: [channel],
  spans: [spans],
  "spans-first": [spans, channel],
  "channel-first": [channel, spans],
};
for (const setUp of setUps[way] ?? assert.fail(`no such way: ${way}`)) setUp();
const hasSpans = way !== "channel";

/**
 * Each call waits for what a reader of the run sees, so that nothing here ends unless the stream is live: the first until
 * its own start was read, the second until the end of the first was. Then that one fails.
 */
const weather = tool({
  description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }, { toolCallId }) => {
    const type = toolCallId === "fine" ? "agent.tool.started" : "agent.tool.completed";
    await seen(bus, city, (event) => event.type === type && event.data.toolCallId === "fine");
    if (toolCallId === "broken") throw new Error("no such city");
    return `rain in ${city}`;
  },
});

const scripted = (...answers: Answer[]) => new MockLanguageModelV4(script(...answers));
const watch = (runId: string, work: () => Promise<unknown>) =>
  linesOf(bus, runId, work, (error) => /overloaded/.test(String(error)));

const wants = (city: string) => [call("weather", { city }, "fine"), call("weather", { city }, "broken")];
const weatherReport = (city: string, firstChunk: string[]) => [
  `invocation.started ${city}`,
  "  step.started",
  "    model.started",
  ...firstChunk,
  "    model.completed",
  "    tokens.used 10+5",
  "    tool.started weather",
  "    tool.started weather",
  "    tool.completed weather",
  "    tool.failed weather: no such city",
  "  step.completed",
  "  step.started",
  "    model.started",
  ...firstChunk,
  "    model.completed",
  "    tokens.used 10+5",
  "  step.completed",
  `invocation.completed ${city}`,
  "terminate completed 20+10",
];
const forecast = (city: string) => ({
  model: scripted(wants(city), `It rains in ${city}.`),
  tools: { weather },
  prompt: `How is the weather in ${city}?`,
  stopWhen: isStepCount(5),
  telemetry: { functionId: city },
});

// Two at once, each with two tools at once, one of which fails.
const two = await Promise.all(
  ["Oslo", "Rome"].map((city) =>
    watch(city, async () => assert.match((await generateText(forecast(city))).text, /rains/)),
  ),
);
two.forEach(({ lines, outcome }, index) => {
  assert.deepEqual(lines, weatherReport(["Oslo", "Rome"][index] ?? "", []));
  assert.equal(outcome, "completed");
});

// A stream: while it is read the first chunk is told; spans do not know it. A tool may begin before the answer is complete.
const streamed = await watch("Bern", async () => {
  let text = "";
  for await (const delta of streamText(forecast("Bern")).textStream) text += delta;
  assert.equal(text, "It rains in Bern.");
});
const firstChunk = hasSpans ? [] : ["    model.first_chunk"];
assert.deepEqual([...streamed.lines].sort(), weatherReport("Bern", firstChunk).sort());
assert.equal(streamed.outcome, "completed");

// The model fails: at once, and in the middle of what it says.
const failed = await watch("failed", () =>
  generateText({ model: scripted(new Error("overloaded")), prompt: "Hello?", maxRetries: 0 }),
);
assert.deepEqual(failed, {
  lines: [
    "invocation.started",
    "  step.started",
    "    model.started",
    "    model.failed: overloaded",
    "  step.failed: overloaded",
    "invocation.failed: overloaded",
    "terminate failed: overloaded",
  ],
  outcome: "failed",
});

// The reader goes away.
const aborted = await watch("aborted", async () => {
  const patience = new AbortController();
  const story = { model: scripted("Once upon a time there was a bus"), prompt: "Tell me a story." };
  for await (const part of streamText({ ...story, abortSignal: patience.signal }).fullStream) {
    if (part.type === "text-delta") patience.abort();
  }
});
// Spans end here as if nothing had happened.
assert.equal(aborted.outcome, hasSpans ? "completed" : "cancelled");
assert.equal(aborted.lines.filter((line) => line.includes("started")).length, 3);
assert.equal(aborted.lines.filter((line) => /(completed|failed)/.test(line) && !line.includes("terminate")).length, 3);

// An agent that is a tool of another.
const inner = tool({
  description: "Asks a colleague",
  inputSchema: z.object({ question: z.string() }),
  execute: async ({ question }) =>
    (await generateText({ model: scripted("42"), prompt: question, telemetry: { functionId: "colleague" } })).text,
});
const nested = await watch("nested", () =>
  generateText({
    model: scripted([call("inner", { question: "why?" })], "because"),
    tools: { inner },
    prompt: "Why?",
    stopWhen: isStepCount(5),
    telemetry: { functionId: "boss" },
  }),
);
assert.deepEqual(nested.lines.slice(5, 13), [
  "    tool.started inner",
  "      invocation.started colleague",
  "        step.started",
  "          model.started",
  "          model.completed",
  "          tokens.used 10+5",
  "        step.completed",
  "      invocation.completed colleague",
]);
assert.equal(nested.lines.at(-1), "terminate completed 30+15");

// A call that its spans do not tell of, among others that they do: the channel tells of it.
const quiet = await watch("quiet", () => {
  const telemetry = { functionId: "quiet", integrations: [] };
  return generateText({ model: scripted("psst"), prompt: "Say it quietly.", telemetry });
});
assert.equal(quiet.lines.length, way === "spans" ? 0 : 8);

const embedded = await watch("embedded", () => {
  const doEmbed = async () => ({ embeddings: [[1, 2]], usage: { tokens: 3 }, warnings: [] });
  return embed({ model: new MockEmbeddingModelV4({ doEmbed }), value: "a bus" });
});
assert.equal(embedded.lines.filter((line) => line.includes("tokens.used")).length, 1);

assert.equal(bus.stats().openSpans, 0);
console.log("all as expected");
