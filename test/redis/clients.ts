import { createClient, createCluster } from "@redis/client";
import { Cluster, Redis } from "ioredis";
import type { RedisClient } from "spanbus/redis";

/** A client, connected, and how to be rid of it. */
export interface Connection {
  readonly client: RedisClient;
  command(...words: string[]): Promise<unknown>;
  close(): void;
}

/** A client of a cluster. */
export type ClusterConnection = Omit<Connection, "command">;

export type ClientName = keyof typeof clients;

/** How each client connects. What it says of lost connections is left to the tests that lose them. */
export const clients = {
  "node-redis": async (url: string): Promise<Connection> => {
    const client = createClient({ url, socket: { reconnectStrategy: 20 } });
    client.on("error", () => undefined);
    await client.connect();
    return { client, command: (...words) => client.sendCommand(words), close: () => client.destroy() };
  },
  ioredis: async (url: string): Promise<Connection> => {
    const client = new Redis(url, { retryStrategy: () => 20 });
    client.on("error", () => undefined);
    await client.ping();
    const command = (name: string, ...words: string[]) => client.call(name, ...words);
    return { client, command: (name = "PING", ...words) => command(name, ...words), close: () => client.disconnect() };
  },
} as const;

export const clientNames = Object.keys(clients) as ClientName[];

/** How each client connects to a cluster, by one of its nodes. */
export const clusterClients = {
  "node-redis": async (url: string): Promise<ClusterConnection> => {
    const client = createCluster({ rootNodes: [{ url }] });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: async (url: string): Promise<ClusterConnection> => {
    const client = new Cluster([url], { retryDelayOnFailover: 20 });
    client.on("error", () => undefined);
    await client.ping();
    return { client, close: () => client.disconnect() };
  },
} as const;
