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

export interface ConnectionOptions {
  /** After how long without an answer the client takes its connection for broken; never without. */
  readonly silenceMillis?: number;
}

/** How each client connects. What it says of lost connections is left to the tests that lose them. */
export const clients = {
  "node-redis": async (url: string, { silenceMillis }: ConnectionOptions = {}): Promise<Connection> => {
    const silence = silenceMillis === undefined ? {} : { socketTimeout: silenceMillis };
    const client = createClient({
      url,
      socket: { reconnectStrategy: 20, ...silence },
      ...(silenceMillis !== undefined && { pingInterval: Math.ceil(silenceMillis / 3) }),
    });
    client.on("error", () => undefined);
    await client.connect();
    return { client, command: (...words) => client.sendCommand(words), close: () => client.destroy() };
  },
  ioredis: async (url: string, { silenceMillis }: ConnectionOptions = {}): Promise<Connection> => {
    const silence = silenceMillis === undefined ? {} : { socketTimeout: silenceMillis };
    const client = new Redis(url, { retryStrategy: () => 20, ...silence });
    client.on("error", () => undefined);
    await new Promise<void>((resolve) => client.once("ready", resolve));
    const command = (name: string, ...words: string[]) => client.call(name, ...words);
    return { client, command: (name = "PING", ...words) => command(name, ...words), close: () => client.disconnect() };
  },
} as const;

export const clientNames = Object.keys(clients) as ClientName[];

/** How each client connects to a cluster: by the addresses of its nodes, with commas between them. */
export const clusterClients = {
  "node-redis": async (urls: string): Promise<ClusterConnection> => {
    const rootNodes = urls.split(",").map((url) => ({ url }));
    const client = createCluster({ rootNodes, defaults: { socket: { reconnectStrategy: 20 } } });
    client.on("error", () => undefined);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  ioredis: async (urls: string): Promise<ClusterConnection> => {
    const client = new Cluster(urls.split(","), { retryDelayOnFailover: 20 });
    client.on("error", () => undefined);
    await client.ping();
    return { client, close: () => client.disconnect() };
  },
} as const;
