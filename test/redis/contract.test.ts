import { EventBus } from "spanbus";
import { RedisEventSource, RedisRelay } from "spanbus/redis";
import { afterAll, beforeAll, describe } from "vitest";
import { withContextManager } from "../otel/support.js";
import { clientNames, clients, clusterClients } from "./clients.js";
import { describeContract, type Stage } from "./contract.js";
import { RedisCluster } from "./redis-cluster.js";
import { hasRedis, hasValkey, RedisServer } from "./redis-server.js";

const transient = ["transient"];

withContextManager();

describe("the bus itself", () => {
  describeContract(async (options) => {
    const bus = new EventBus({ transient, ...options });
    return { bus, source: bus, arrived: async () => undefined, close: () => bus.shutdown() };
  });
});

const redis = hasRedis();
const servers = {
  Redis: { isHere: redis, start: () => RedisServer.start(), clients },
  "a cluster of Redis": { isHere: redis, start: () => RedisCluster.start(), clients: clusterClients },
  Valkey: { isHere: hasValkey(), start: () => RedisServer.start({ program: "valkey-server" }), clients },
} as const;
const stagings = Object.entries(servers).flatMap(([kind, { isHere, start, clients: connect }]) =>
  isHere ? clientNames.map((name) => ({ kind, name, start, connect: connect[name] })) : [],
);

describe.each(stagings)("$kind through $name", ({ start, connect }) => {
  let server: RedisServer | RedisCluster;
  let stages = 0;
  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(() => server.stop());

  describeContract(async ({ historyPerRun = 500, maxQueueSize = 1024 } = {}): Promise<Stage> => {
    const [producer, consumer] = await Promise.all([connect(server.url), connect(server.url)]);
    stages += 1;
    const keyPrefix = `stage*${stages}`;
    const bus = new EventBus({ transient });
    const relay = new RedisRelay(bus, { client: producer.client, keyPrefix, historyPerRun, transient });
    const source = new RedisEventSource({ client: consumer.client, keyPrefix, maxQueueSize });
    return {
      bus,
      source,
      arrived: () => relay.flush(),
      close: async () => {
        source.close();
        await relay.close();
        await bus.shutdown();
        producer.close();
        consumer.close();
      },
    };
  });
});
