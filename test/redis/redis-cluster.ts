import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { until } from "./contract.js";
import { freePort, isPortTaken, RedisServer } from "./redis-server.js";

const SLOTS = 16_384;
const MASTERS = 3;

interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
  readonly admin: Redis;
}

export interface ClusterOptions {
  /** Gives each master a replica, which takes over within a second or two. Default false. */
  readonly replicas?: boolean;
}

/** A real cluster of three masters. */
export class RedisCluster {
  readonly #nodes: readonly Node[];

  private constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  static async start({ replicas = false }: ClusterOptions = {}): Promise<RedisCluster> {
    const nodes = await Promise.all(
      Array.from({ length: replicas ? 2 * MASTERS : MASTERS }, () => startNode(replicas)),
    );
    const cluster = new RedisCluster(nodes);
    try {
      await cluster.#join();
      if (replicas) await cluster.#replicate();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Those of all nodes, with commas between them. */
  get url(): string {
    return this.#nodes.map(({ server }) => server.url).join();
  }

  /** The server that answers for a key now, and its replicas. */
  async ownersOf(key: string): Promise<{ readonly master: RedisServer; readonly replicas: readonly RedisServer[] }> {
    const slot = Number(await this.#ask(["CLUSTER", "KEYSLOT", key]));
    const lines = String(await this.#ask(["CLUSTER", "NODES"])).split("\n");
    const nodes = lines.map((line) => line.split(" "));
    const owner = nodes.find(([, , flags, , , , , , ...slots]) => flags?.includes("master") && slots.some(holds(slot)));
    const server = (address = ""): RedisServer | undefined =>
      this.#nodes.find((node) => node.server.port === Number(/:(\d+)@/.exec(address)?.[1]))?.server;
    const master = server(owner?.[1]);
    if (!owner || !master) throw new Error(`nobody has slot ${slot}`);
    const replicas = nodes.filter(([, , , masterId]) => masterId === owner[0]).map(([, address]) => server(address));
    return { master, replicas: replicas.filter((replica) => replica !== undefined) };
  }

  /** Waits until every master has a replica with everything that it has, and all nodes know so. */
  async whole(): Promise<void> {
    await until(() =>
      this.#all(async ({ admin }) => {
        const [nodes, info] = [String(await admin.call("CLUSTER", "NODES")), await admin.info("replication")];
        const isComplete = /slave0:\S*state=online|master_link_status:up/.test(info);
        return isComplete && !nodes.includes("fail") && nodes.match(/\bslave\b/g)?.length === MASTERS;
      }),
    );
  }

  /** Has a replica take over from its master, as before maintenance. */
  async failOver(key: string): Promise<void> {
    const { master } = await this.ownersOf(key);
    for (let tries = 0; ; tries += 1) {
      const { master: owner, replicas } = await this.ownersOf(key);
      if (owner !== master) return;
      const replica = this.#nodes.find(({ server }) => server === replicas[0]);
      // It is given up when the others do not agree in time.
      if (tries % 100 === 0) await replica?.admin.call("CLUSTER", "FAILOVER");
      await pause(20);
    }
  }

  async stop(): Promise<void> {
    for (const { admin } of this.#nodes) admin.disconnect();
    await Promise.all(this.#nodes.map(({ server }) => server.stop()));
  }

  async #join(): Promise<void> {
    for (const [index, { admin }] of this.#nodes.entries()) {
      await admin.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
      if (index >= MASTERS) continue;
      const first = Math.floor((SLOTS * index) / MASTERS);
      await admin.call("CLUSTER", "ADDSLOTSRANGE", first, Math.floor((SLOTS * (index + 1)) / MASTERS) - 1);
    }
    for (const { server, busPort } of this.#nodes) {
      await this.#nodes[0]?.admin.call("CLUSTER", "MEET", "127.0.0.1", server.port, busPort);
    }
    const joined = `cluster_known_nodes:${this.#nodes.length}`;
    await until(() =>
      this.#all(async ({ admin }) => {
        const info = String(await admin.call("CLUSTER", "INFO"));
        return info.includes("cluster_state:ok") && info.includes(joined);
      }),
    );
  }

  async #replicate(): Promise<void> {
    const replicas = this.#nodes.slice(MASTERS);
    for (const [index, { admin }] of replicas.entries()) {
      const id = String(await this.#nodes[index]?.admin.call("CLUSTER", "MYID"));
      await admin.call("CLUSTER", "REPLICATE", id);
    }
    await this.whole();
  }

  async #all(isSo: (node: Node, index: number) => Promise<boolean>): Promise<boolean> {
    return (await Promise.all(this.#nodes.map(isSo))).every(Boolean);
  }

  /** One that lives. */
  async #ask([name = "", ...words]: readonly string[]): Promise<unknown> {
    for (const { server, admin } of this.#nodes) if (server.isRunning) return admin.call(name, ...words);
    throw new Error("all nodes are gone");
  }
}

/** Again if somebody else took one of the ports meanwhile. */
async function startNode(replicated: boolean, tries = 5): Promise<Node> {
  try {
    return await startNodeOnce(replicated);
  } catch (error) {
    if (tries === 1 || !isPortTaken(error)) throw error;
    return startNode(replicated, tries - 1);
  }
}

async function startNodeOnce(replicated: boolean): Promise<Node> {
  const busPort = await freePort();
  // A node that does not answer for so long is replaced.
  const quick = [
    "--cluster-node-timeout",
    "1000",
    "--repl-diskless-sync-delay",
    "0",
    "--cluster-replica-validity-factor",
    "0",
  ];
  const args = ["--cluster-enabled", "yes", "--cluster-port", String(busPort), ...(replicated ? quick : [])];
  const server = await RedisServer.start({ args });
  const admin = new Redis(server.url, { retryStrategy: () => 50 });
  admin.on("error", () => undefined);
  return { server, busPort, admin };
}

function holds(slot: number): (range: string) => boolean {
  return (range) => {
    const [first, last = first] = range.split("-").map(Number);
    return first !== undefined && last !== undefined && first <= slot && slot <= last;
  };
}
