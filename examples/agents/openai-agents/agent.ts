// Agents of the OpenAI Agents SDK, and every way in which a bus hears of them:
//   npm run agent -- openai-agents processor             a tracing processor, `BusTracingProcessor`
//   npm run agent -- openai-agents openinference         the spans of OpenInference
//   npm run agent -- openai-agents processor-first       both, and everything is told once
//   npm run agent -- openai-agents openinference-first   the same, set up the other way round
import assert from "node:assert/strict";
import { OpenInferenceTracingProcessor } from "@arizeai/openinference-instrumentation-openai-agents";
import {
  Agent,
  addTraceProcessor,
  OpenAIProvider,
  Runner,
  setTraceProcessors,
  setTracingDisabled,
  tool,
  withTrace,
} from "@openai/agents";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import OpenAI from "openai";
import { EventBus } from "spanbus";
import { BusTracingProcessor } from "spanbus/openai-agents";
import { z } from "zod";
import { linesOf, seen } from "../stage/lines.js";
import { type Answer, startResponsesServer } from "./responses-server.js";

const way = process.argv[2] ?? "processor";
const bus = new EventBus();
// `bus.run` needs the context manager that `register` brings.
const provider = new NodeTracerProvider({ spanProcessors: [bus] });
provider.register();
// Instead of the one that sends traces to OpenAI.
setTraceProcessors([]);
const processor = () => addTraceProcessor(new BusTracingProcessor(bus));
const openinference = () => addTraceProcessor(new OpenInferenceTracingProcessor({ tracerProvider: provider }) as never);
const setUps: Record<string, (() => void)[]> = {
  processor: [processor],
  openinference: [openinference],
  "processor-first": [processor, openinference],
  "openinference-first": [openinference, processor],
};
for (const setUp of setUps[way] ?? assert.fail(`no such way: ${way}`)) setUp();
setTracingDisabled(false);

/** The script of the model, by what it has been told so far. */
function answer(conversation: string): Answer {
  const city = /trip to (\w+)/.exec(conversation)?.[1] ?? "nowhere";
  if (city === "Atlantis") return { refuses: "no such city" };
  if (city === "Avalon") return { hangsAfter: "Once upon a time" };
  if (conversation.includes("You are the booker")) return { text: `Booked ${city}.` };
  if (!conversation.includes("function_call_output")) return { calls: { weather: { city }, flights: { city } } };
  return city === "Rome" ? { calls: { transfer_to_booker: {} } } : { text: `Take an umbrella to ${city}.` };
}

const server = await startResponsesServer(answer);
const openAIClient = new OpenAI({ apiKey: "none", baseURL: server.url, maxRetries: 0 });
const runner = new Runner({
  modelProvider: new OpenAIProvider({ openAIClient: openAIClient as never }),
  model: "scripted-1",
});

// Each call waits for what a reader of the run sees, so that nothing here ends unless the stream is live.
const sees = (runId: string, type: string) =>
  seen(bus, runId, (event) => event.type === type && JSON.stringify(event.data).includes('"weather"'));
const parameters = z.object({ city: z.string() });
const weather = tool({
  name: "weather",
  description: "The weather of a city",
  parameters,
  execute: async ({ city }) => {
    await sees(city, "agent.tool.started");
    return `rain in ${city}`;
  },
});
const flights = tool({
  name: "flights",
  description: "Flights to a city",
  parameters,
  execute: async ({ city }): Promise<string> => {
    await sees(city, "agent.tool.completed");
    throw new Error("the flight search did not answer");
  },
});
const booker = new Agent({ name: "booker", instructions: "You are the booker.", handoffDescription: "Books" });
const travelAgent = new Agent({ name: "travel-agent", tools: [weather, flights], handoffs: [booker] });

const watch = (city: string, work: () => Promise<unknown>) =>
  linesOf(bus, city, work, (error) => /no such city|aborted/.test(String(error)));
const plan = (city: string) => watch(city, () => runner.run(travelAgent, `Plan my trip to ${city}.`));

const redacted = "Tool execution failed. Error details are redacted.";
const model = ["      model.started", "      model.completed", "      tokens.used 10+5"];
const planned = [
  "workflow.started",
  "  invocation.started travel-agent",
  "    step.started",
  ...model,
  "      tool.started weather",
  "      tool.started flights",
  "      tool.completed weather",
  `      tool.failed flights: ${redacted}`,
  "    step.completed",
  "    step.started",
  ...model,
];

// Two at once; tools at once, one of which fails; and one agent hands over to another.
const [oslo, rome] = await Promise.all([plan("Oslo"), plan("Rome")]);
const sydney = await watch("Sydney", async () => {
  let text = "";
  const result = await runner.run(travelAgent, "Plan my trip to Sydney.", { stream: true });
  for await (const delta of result.toTextStream()) text += delta;
  await result.completed;
  assert.equal(text, "Take an umbrella to Sydney.");
});
const atlantis = await plan("Atlantis");
const avalon = await watch("Avalon", async () => {
  const patience = new AbortController();
  const result = await runner.run(travelAgent, "Plan my trip to Avalon.", { stream: true, signal: patience.signal });
  for await (const event of result) if (event.type === "raw_model_stream_event") patience.abort();
  await result.completed;
});
const both = await watch("both", () =>
  withTrace("Two runs", async () => {
    await runner.run(booker, "Book my trip to Bern.");
    await runner.run(booker, "Book my trip to Kyiv.");
  }),
);
server.close();

if (way !== "openinference") {
  const end = ["    step.completed", "  invocation.completed travel-agent", "workflow.completed"];
  assert.deepEqual(oslo, { lines: [...planned, ...end, "terminate completed 20+10"], outcome: "completed" });
  assert.deepEqual(sydney, oslo);
  assert.deepEqual(rome, {
    lines: [
      ...planned,
      "      handoff travel-agent -> booker",
      ...end.slice(0, 2),
      "  invocation.started booker",
      "    step.started",
      ...model,
      "    step.completed",
      "  invocation.completed booker",
      "workflow.completed",
      "terminate completed 30+15",
    ],
    outcome: "completed",
  });
  assert.deepEqual(
    atlantis.lines.filter((line) => !line.includes("started")),
    [
      "      model.failed: 400 no such city",
      "    step.failed: 400 no such city",
      "  invocation.failed travel-agent: 400 no such city",
      "workflow.failed: 400 no such city",
      "terminate failed: 400 no such city",
    ],
  );
  assert.equal(avalon.outcome, "cancelled");
  assert.equal(avalon.lines.filter((line) => line.includes("failed")).length, 4);
} else {
  // A trace is an agent around everything here, and one whose run fails is left open.
  assert.equal(oslo?.lines.at(-1), "terminate completed 20+10");
  assert.equal(rome?.lines.at(-1), "terminate completed 30+15");
  assert.equal(rome?.lines.filter((line) => line.trim() === "handoff travel-agent -> booker").length, 1);
  assert.equal(sydney.lines.at(-1), "terminate completed 20+10");
  assert.match(atlantis.lines.at(-1) ?? "", /terminate abandoned/);
  // It does not say that the run was stopped.
  assert.equal(avalon.outcome, "completed");
}
// Several runs in one trace are one run of the bus.
assert.equal(both.outcome, "completed");
assert.equal(both.lines.filter((line) => line.endsWith("tokens.used 10+5")).length, 2);
assert.equal(bus.stats().openSpans, 0);
console.log("all as expected");
