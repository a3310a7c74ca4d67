import type { EventBus, Outcome } from "spanbus";
import { check, type Expected } from "./checks.js";
import type { ModelServer } from "./model-server.js";
import { watch } from "./watch.js";

/** What the agent is asked. The city is the id of the run. */
export interface Trip {
  readonly city: string;
  readonly prompt: string;
  /** The answer of the model should come as a stream. */
  readonly stream: boolean;
  readonly signal: AbortSignal;
}

/** What is different with an instrumentation that has a fault. */
export interface Differences {
  /** Of a run in which a tool failed; default `completed`: the model is told, and goes on. */
  readonly toolFailed?: Outcome;
  /** Of a streamed run; default what the model reported. */
  readonly streamedTokens?: Pick<Expected, "inputTokens" | "outputTokens">;
}

const noTokens = { inputTokens: 0, outputTokens: 0 };

/**
 * What happens to agents in production, one after the other: two runs at once, one of which is streamed while a tool of the
 * other fails; a model that refuses; a run that is aborted. Each stream is printed while it happens, then checked.
 */
export async function play(
  bus: EventBus,
  server: ModelServer,
  plan: (trip: Trip) => Promise<unknown>,
  { toolFailed = "completed", streamedTokens }: Differences = {},
): Promise<void> {
  const go = async (city: string, { stream = false, signal = new AbortController().signal } = {}) => {
    const watched = watch(bus, city);
    const ended = plan({ city, prompt: `Plan my trip to ${city}.`, stream, signal });
    const error = await ended.then(
      () => undefined,
      (thrown) => thrown,
    );
    return { watched: await watched, error };
  };

  const [oslo, lisbon] = await Promise.all([go("Oslo"), go("Lisbon", { stream: true })]);
  check(oslo.watched, {
    outcome: toolFailed,
    tools: { get_weather: "completed", find_flights: "failed" },
    ...server.given("Oslo"),
  });
  check(lisbon.watched, {
    outcome: "completed",
    tools: { get_weather: "completed", find_flights: "completed" },
    ...server.given("Lisbon"),
    ...streamedTokens,
  });

  const atlantis = await go("Atlantis");
  check(atlantis.watched, { outcome: "failed", modelCalls: 1, ...noTokens });

  const patience = new AbortController();
  const avalon = go("Avalon", { stream: true, signal: patience.signal });
  await server.speaking("Avalon");
  patience.abort();
  check((await avalon).watched, { outcome: "cancelled", modelCalls: 1, ...noTokens });

  server.close();
  console.log("All streams were live, whole and right.");
}
