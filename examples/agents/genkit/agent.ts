// A flow of Genkit: npm run agent -- genkit
import { openAICompatible } from "@genkit-ai/compat-oai";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { genkit, z } from "genkit";
import { disableGenkitOTelInitialization } from "genkit/tracing";
import { EventBus } from "spanbus";
import { startModelServer } from "../stage/model-server.js";
import { play, type Trip } from "../stage/play.js";
import { travelTools } from "../stage/tools.js";

// Genkit would start an SDK of its own. Without one of yours, let it: enableTelemetry({ spanProcessors: [bus] }).
disableGenkitOTelInitialization();
const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();

const server = await startModelServer();
const ai = genkit({ plugins: [openAICompatible({ name: "scripted", apiKey: "none", baseURL: server.url })] });
const { getWeather, findFlights } = travelTools(bus);
const inputSchema = z.object({ city: z.string() });
const tools = [
  ai.defineTool({ name: "get_weather", description: "The weather of a city", inputSchema }, ({ city }) =>
    getWeather(city),
  ),
  ai.defineTool({ name: "find_flights", description: "Flights to a city", inputSchema }, ({ city }) =>
    findFlights(city),
  ),
];

const agent = ai.defineFlow(
  { name: "travel-agent", inputSchema: z.custom<Trip>() },
  async ({ prompt, stream, signal }) => {
    const request = { model: "scripted/scripted-1", prompt, tools, abortSignal: signal };
    if (!stream) return (await ai.generate(request)).text;
    const answer = ai.generateStream(request);
    let text = "";
    for await (const chunk of answer.stream) text += chunk.text;
    return text;
  },
);

// A tool that throws ends the whole flow.
await play(bus, server, (trip) => bus.run(trip.city, () => agent(trip)), { toolFailed: "failed" });
