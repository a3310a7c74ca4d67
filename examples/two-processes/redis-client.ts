import { createClient } from "@redis/client";
import type { Surroundings } from "./surroundings.js";

/** A client of node-redis that is connected, and comes back whatever happens to Redis or the network. */
export async function redisClient({ redisUrl, ending }: Surroundings) {
  const client = createClient({
    url: redisUrl,
    // Without these three a connection whose packets vanish is not missed for a quarter of an hour.
    pingInterval: 5000,
    socket: { socketTimeout: 15_000, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2000) },
  });
  // An error that nobody listens to would end the process.
  client.on("error", (error: Error) => console.error(`Redis: ${error.message || error}`));
  ending.addEventListener("abort", () => {
    if (!client.isReady) client.destroy();
  });
  await client.connect().catch((error: unknown) => {
    if (ending.aborted) process.exit();
    throw error;
  });
  return client;
}
