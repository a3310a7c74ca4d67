import { createClient } from "@redis/client";

/** That which the bench started. */
export async function emptyRedis(): Promise<string> {
  const url = process.env["REDIS_URL"];
  if (url === undefined) throw new Error("there is no Redis: REDIS_URL is not set");
  const client = createClient({ url });
  await client.connect();
  await client.sendCommand(["FLUSHALL"]);
  client.destroy();
  return url;
}
