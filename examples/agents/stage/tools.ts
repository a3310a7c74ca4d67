import type { EventBus } from "spanbus";
import { toolNameOf } from "./tool-name.js";

export interface TravelTools {
  /** Never answers about Avalon. */
  getWeather(city: string): Promise<string>;
  /** Fails for Oslo. */
  findFlights(city: string): Promise<string>;
}

/**
 * The tools of the agents. Each waits until the run of its city was read so far, so that nothing here ends unless the
 * stream is live: the first until its own start was read, the second until the end of the first was.
 */
export function travelTools(bus: EventBus): TravelTools {
  return {
    async getWeather(city) {
      await read(bus, city, "agent.tool.started", "get_weather");
      if (city === "Avalon") await new Promise(() => undefined);
      return `Rain in ${city}.`;
    },
    async findFlights(city) {
      await read(bus, city, "agent.tool.completed", "get_weather");
      if (city === "Oslo") throw new Error("the flight search did not answer");
      return `A flight to ${city}, 08:15.`;
    },
  };
}

async function read(bus: EventBus, runId: string, type: string, toolName: string): Promise<void> {
  for await (const event of bus.subscribe(runId, { types: [type], idleTimeoutMillis: 20_000 })) {
    if (event.type === type && toolNameOf(event) === toolName) return;
  }
  throw new Error(`nobody read ${type} of ${toolName} in the run ${runId}`);
}
