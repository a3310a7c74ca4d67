// LangChain's agent, which is a graph of LangGraph, with the instrumentation of OpenInference: npm run agent -- langgraph
import { LangChainInstrumentation } from "@arizeai/openinference-instrumentation-langchain";
import * as callbacks from "@langchain/core/callbacks/manager";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { createAgent } from "langchain";
import { EventBus } from "spanbus";
import { z } from "zod";
import { startModelServer } from "../stage/model-server.js";
import { play, type Trip } from "../stage/play.js";
import { travelTools } from "../stage/tools.js";

// Without it LangChain calls the instrumentation from a queue, where spans of one run begin in the context of another.
process.env["LANGCHAIN_CALLBACKS_BACKGROUND"] = "false";

const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();
new LangChainInstrumentation().manuallyInstrument(callbacks);

const server = await startModelServer();
const { getWeather, findFlights } = travelTools(bus);
const schema = z.object({ city: z.string() });
type Place = z.infer<typeof schema>;
const agent = createAgent({
  name: "travel-agent",
  model: new ChatOpenAI({ model: "scripted-1", apiKey: "none", configuration: { baseURL: server.url } }),
  tools: [
    tool(({ city }: Place) => getWeather(city), { name: "get_weather", description: "The weather of a city", schema }),
    tool(({ city }: Place) => findFlights(city), { name: "find_flights", description: "Flights to a city", schema }),
  ],
});

const plan = async ({ prompt, stream, signal }: Trip) => {
  const messages = [{ role: "user" as const, content: prompt }];
  if (!stream) return agent.invoke({ messages }, { signal });
  let text = "";
  const tokens = await agent.stream({ messages }, { streamMode: "messages", signal });
  for await (const [message] of tokens) text += message.text;
  return text;
};

await play(bus, server, (trip) => bus.run(trip.city, () => plan(trip)));
