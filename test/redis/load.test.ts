import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientNames } from "./clients.js";
import { carry } from "./load.js";
import { hasRedis, RedisServer } from "./redis-server.js";

/** The full size is that of `programs/load.ts`. */
const size = { runs: 30, readers: 90, eventsPerSecond: 600, seconds: 2 };

describe.runIf(hasRedis())("under load", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  it.each(clientNames)("every reader gets every event once and in order, through %s", async (client) => {
    const { latency, ...report } = await carry({ url: server.url, client, ...size });
    const due = size.eventsPerSecond * size.seconds * (size.readers / size.runs);
    expect(report).toMatchObject({ published: 1200, due, delivered: due, missed: 0, misplaced: 0 });
    expect(latency.max).toBeGreaterThan(0);
  });
});
