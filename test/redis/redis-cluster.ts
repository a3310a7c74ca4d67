import { Redis } from "ioredis";
import { until } from "./contract.js";
import { freePort, RedisServer } from "./redis-server.js";

const SLOTS = 16_384;

/** A real cluster of three masters. */
export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(): Promise<RedisCluster> {
    const nodes = await Promise.all(
      [0, 1, 2].map(async () => {
        const busPort = await freePort();
        const args = ["--cluster-enabled", "yes", "--cluster-port", String(busPort)];
        return { busPort, server: await RedisServer.start({ args }) };
      }),
    );
    const cluster = new RedisCluster(nodes.map(({ server }) => server));
    const clients = nodes.map(({ server }) => new Redis(server.url));
    try {
      for (const [index, client] of clients.entries()) {
        const [first, last] = [Math.floor((SLOTS * index) / 3), Math.floor((SLOTS * (index + 1)) / 3) - 1];
        await client.call("CLUSTER", "ADDSLOTSRANGE", first, last);
        await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
      }
      for (const { server, busPort } of nodes)
        await clients[0]?.call("CLUSTER", "MEET", "127.0.0.1", server.port, busPort);
      await until(async () => {
        const infos = await Promise.all(clients.map((client) => client.call("CLUSTER", "INFO")));
        return infos.every((info) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(info)));
      });
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    } finally {
      for (const client of clients) client.disconnect();
    }
  }

  get url(): string {
    return this.servers[0]?.url ?? "";
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}
