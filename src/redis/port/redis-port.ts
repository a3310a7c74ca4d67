import { wrong } from "../../bus/checks.js";
import { type IoredisLike, IoredisPort, isIoredis } from "./ioredis-port.js";
import { isNodeRedis, type NodeRedisLike, NodeRedisPort } from "./node-redis-port.js";
import type { Script } from "./script.js";

/** A client of the caller's: node-redis (`createClient`, `createCluster`) or ioredis (`Redis`, `Cluster`), connected. */
export type RedisClient = NodeRedisLike | IoredisLike;

/** What is needed of Redis. */
export interface RedisPort {
  /** Number of the database that the client reads and writes. */
  readonly database: number;
  /** The client was closed, or has given up: it will not answer any more. */
  readonly isClosed: boolean;
  /** Runs a script. All keys are in one slot. @throws RedisError */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Tells each time that a connection of the client is there again. What it returns stops that. */
  onComeback(tell: () => void): () => void;
  /**
   * The one connection that takes messages, for all readers. Made when it is first used, and made anew when it does not answer
   * for five times `pulseMillis`. A cluster listens over a connection of the client's own, which is the client's to watch.
   */
  listen(listener: PortListener, pulseMillis: number): PortSubscriber;
}

export interface PortListener {
  /** From a channel that was subscribed to by name. */
  message(channel: string, text: string): void;
  /** From a channel that a pattern matched. */
  matched(channel: string, text: string): void;
  /** Messages come again, and some may have been lost. */
  resumed(): void;
  failed(error: unknown): void;
}

export interface PortSubscriber {
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  subscribeTo(pattern: string): Promise<void>;
  unsubscribeFrom(pattern: string): Promise<void>;
  close(): void;
}

/** @throws TypeError if it is no client that is known, or one that changes the names of keys. */
export function redisPort(client: unknown): RedisPort {
  const port = isNodeRedis(client)
    ? new NodeRedisPort(client)
    : isIoredis(client)
      ? new IoredisPort(client)
      : undefined;
  if (!port) {
    throw wrong(TypeError, "client", "a client of node-redis (`@redis/client`, `redis`) or of `ioredis`", client);
  }
  const { ownPrefix } = port;
  if (ownPrefix !== undefined && ownPrefix !== "") {
    throw wrong(TypeError, "client", "a client without a key prefix of its own; use `keyPrefix` of spanbus", ownPrefix);
  }
  return port;
}
