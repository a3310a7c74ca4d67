import { setTimeout as sleep } from "node:timers/promises";
import { generateText, type LanguageModel, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

/** What the agent is asked. */
export interface Trip {
  readonly from: string;
  readonly to: string;
}

const route = z.object({ from: z.string(), to: z.string() });

const tools = {
  get_weather: tool({
    description: "The weather of a city, today.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      await sleep(5);
      return `Sunny, 24 °C in ${city}.`;
    },
  }),
  search_flights: tool({
    description: "Direct flights between two cities.",
    inputSchema: route,
    execute: async ({ from, to }) => {
      await sleep(8);
      // Tools fail; the agent reads the error and goes another way.
      if (to === "Oslo") throw new Error("the flight search did not answer");
      return `Flight ${from} to ${to}, 08:15, 120 €.`;
    },
  }),
  search_trains: tool({
    description: "Trains between two cities. For when there is no flight.",
    inputSchema: route,
    execute: async ({ from, to }) => {
      await sleep(5);
      return `Train ${from} to ${to}, 19:40, 89 €.`;
    },
  }),
};

/** Sends the travel agent off. Nothing in here knows of a bus: the AI SDK makes spans, and that is all it takes. */
export async function dispatch(model: LanguageModel, trip: Trip, { stream = false } = {}): Promise<string> {
  const request = {
    model,
    tools,
    system:
      "You are a travel agent. Look up weather and flights, trains if there is no flight; then answer in two sentences.",
    prompt: `Plan my day trip from ${trip.from} to ${trip.to}.`,
    stopWhen: stepCountIs(5),
    experimental_telemetry: { isEnabled: true, functionId: "travel-agent" },
  };
  return stream ? await streamText(request).text : (await generateText(request)).text;
}
