import { readFileSync } from "node:fs";
import { createCluster } from "@redis/client";
import { Cluster } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { publishNote, publishNotes, readToEnd, shown, typesOf } from "../bus/support.js";
import { type Connection, clientNames } from "./clients.js";
import { until } from "./contract.js";
import { RedisCluster } from "./redis-cluster.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

const page = readFileSync(new URL("../../docs/DISTRIBUTED.md", import.meta.url), "utf8");
const [rules = ""] = /^ACL SETUSER .*$/m.exec(page) ?? [];
const [, clusterRules = ""] = /On a cluster add `([^`]+)`/.exec(page) ?? [];

describe.runIf(hasRedis()).each(clientNames)("the user of docs/DISTRIBUTED.md, through %s", (name) => {
  const stages = new Stages();
  let server: RedisServer;
  let user: Connection;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    const admin = await stages.connect(server.url, name);
    await admin.command(...rules.split(" "));
    user = await stages.connect(server.url.replace("//", "//spanbus:secret@"), name);
  });

  it("may do everything that a relay and a source do", async () => {
    const [bus, dying] = [stages.bus(), stages.bus()];
    const relay = stages.relay(bus, user, { maxRuns: 3 });
    const source = stages.source(user, { lookMillis: 20 });
    const [reader, lost, all] = [source.subscribe("r"), source.subscribe("lost"), source.subscribeGlobal()];
    await Promise.all([reader, lost, all].map(({ attached }) => attached));
    publishNotes(bus, "r", 1, 600);
    bus.closeStream("r", "completed");
    expect(shown(await readToEnd(reader))).toHaveLength(600);
    expect(shown(await source.history("r", { limit: 1 }))).toEqual([600]);
    expect(await source.standing("r")).toMatchObject({ state: "closed" });
    // More runs than are kept.
    for (const runId of ["s", "t", "u", "v"]) {
      publishNote(bus, runId, 1);
      bus.closeStream(runId);
    }
    await relay.flush();
    await until(async () => (await source.runs()).length === 3);
    // A producer that is not heard of again.
    const connection = await stages.connect(server.url.replace("//", "//spanbus:secret@"), name);
    const silent = stages.relay(dying, connection, { leaseMillis: 200 });
    publishNote(dying, "lost", 1);
    await silent.flush();
    connection.close();
    expect(shown(await readToEnd(lost))).toEqual([1]);
    expect(await lost.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
    const seen: string[] = [];
    for await (const event of all) {
      if (event.runId !== "lost") continue;
      seen.push(...typesOf([event]));
      if (event.type === "bus.run.closed") break;
    }
    expect(seen.at(-1)).toBe("bus.run.closed");
    // What the client that was closed says is not a refusal.
    expect(stages.errors.filter(({ message }) => message.includes("NOPERM"))).toEqual([]);
  });

  it.each([
    ["FLUSHALL"],
    ["KEYS", "*"],
    ["CONFIG", "GET", "*"],
    ["ACL", "LIST"],
    ["GET", "another"],
    ["PUBLISH", "another", "text"],
  ])("may not %s %s", async (...command) => {
    await expect(user.command(...command)).rejects.toThrow("NOPERM");
  });
});

const login = { username: "spanbus", password: "secret" };
const clusterClients = {
  "node-redis": async (urls: readonly string[]) => {
    const client = createCluster({ rootNodes: urls.map((url) => ({ url })), defaults: login });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: async (urls: readonly string[]) => {
    const client = new Cluster([...urls], { redisOptions: login });
    client.on("error", () => undefined);
    return { client, close: () => client.disconnect() };
  },
} as const;

describe.runIf(hasRedis())("the same user on a cluster", () => {
  const stages = new Stages();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 60_000);
  afterAll(() => cluster?.stop());

  it.each(clientNames)("may do it through %s", { timeout: 60_000 }, async (name) => {
    const urls = cluster.url.split(",");
    for (const url of urls) {
      const admin = await stages.connect(url);
      await admin.command(...rules.split(" "), ...clusterRules.split(" "));
    }
    const { client, close } = await clusterClients[name](urls);
    const connection = { client, command: () => Promise.reject(new Error("of which node?")), close };
    const bus = stages.bus();
    const relay = stages.relay(bus, connection);
    const source = stages.source(connection);
    const [reader, all] = [source.subscribe(name), source.subscribeGlobal()];
    await Promise.all([reader, all].map(({ attached }) => attached));
    publishNotes(bus, name, 1, 5);
    bus.closeStream(name, "completed");
    expect(shown(await readToEnd(reader))).toEqual([1, 2, 3, 4, 5]);
    await relay.flush();
    expect((await source.runs()).map(({ runId }) => runId)).toContain(name);
    expect(stages.errors).toEqual([]);
    source.close();
    await relay.close();
    close();
  });
});
