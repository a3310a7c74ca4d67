// Mastra's agent, with its bridge to OpenTelemetry: npm run agent -- mastra
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { Observability } from "@mastra/observability";
import { OtelBridge } from "@mastra/otel-bridge";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { EventBus } from "spanbus";
import { z } from "zod";
import { startModelServer } from "../stage/model-server.js";
import { play, type Trip } from "../stage/play.js";
import { travelTools } from "../stage/tools.js";

const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();
const observability = new Observability({
  configs: { default: { serviceName: "travel-agency", bridge: new OtelBridge() } },
});

const server = await startModelServer();
const { getWeather, findFlights } = travelTools(bus);
const inputSchema = z.object({ city: z.string() });
const travelAgent = new Agent({
  id: "travel-agent",
  name: "Travel Agent",
  instructions: "You are a travel agent.",
  model: { id: "scripted/scripted-1", url: server.url, apiKey: "none" },
  tools: {
    get_weather: createTool({
      id: "get_weather",
      description: "The weather of a city",
      inputSchema,
      execute: ({ city }) => getWeather(city),
    }),
    find_flights: createTool({
      id: "find_flights",
      description: "Flights to a city",
      inputSchema,
      execute: ({ city }) => findFlights(city),
    }),
  },
});
const agent = new Mastra({ agents: { travelAgent }, observability, logger: false }).getAgent("travelAgent");

const plan = async ({ prompt, stream, signal }: Trip) => {
  if (!stream) return agent.generate(prompt, { abortSignal: signal });
  let text = "";
  for await (const words of (await agent.stream(prompt, { abortSignal: signal })).textStream) text += words;
  return text;
};

await play(bus, server, (trip) => bus.run(trip.city, () => plan(trip)));
