import { type ConnectionEvents, onComeback } from "./comebacks.js";
import { Pulse } from "./pulse.js";
import { RedisError, redisError } from "./redis-error.js";
import type { PortListener, PortSubscriber, RedisPort } from "./redis-port.js";
import type { Script } from "./script.js";

/** What is used of a `Redis` or `Cluster` of ioredis. */
export interface IoredisLike {
  readonly status: string;
  eval(text: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  evalsha(sha: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  punsubscribe(...patterns: string[]): Promise<unknown>;
  duplicate(): unknown;
  ping(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: (first: string, second: string, third: string) => void): unknown;
  once(event: string, listener: (first: string, second: string, third: string) => void): unknown;
  off(event: string, listener: (first: string, second: string, third: string) => void): unknown;
}

/** Of a client, and of the nodes of a cluster. */
const connectionEvents: ConnectionEvents = { broken: ["reconnecting", "-node"], ready: ["ready", "+node"] };

const methods = ["eval", "evalsha", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "duplicate"];

export function isIoredis(client: unknown): client is IoredisLike {
  if (typeof client !== "object" || client === null) return false;
  return methods.every((name) => typeof (client as Record<string, unknown>)[name] === "function");
}

export class IoredisPort implements RedisPort {
  readonly #client: IoredisLike;

  constructor(client: IoredisLike) {
    this.#client = client;
  }

  get database(): number {
    const { options } = this.#client as { readonly options?: { readonly db?: number } };
    return options?.db ?? 0;
  }

  get isClosed(): boolean {
    return this.#client.status === "end";
  }

  get ownPrefix(): unknown {
    return (this.#client as { readonly options?: { readonly keyPrefix?: unknown } }).options?.keyPrefix;
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#client.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: unknown) => {
        if (!String(error).includes("NOSCRIPT")) throw error;
        return this.#client.eval(script.text, keys.length, ...keys, ...args);
      });
    } catch (error) {
      throw redisError(error, `EVALSHA ${script.name} ${keys[0]}`, this.isClosed);
    }
  }

  onComeback(tell: () => void): () => void {
    return onComeback(this.#client, connectionEvents, tell);
  }

  listen(listener: PortListener, pulseMillis: number): PortSubscriber {
    return new IoredisSubscriber(this.#client, listener, pulseMillis);
  }
}

/** A client listens on a connection of its own, a cluster on one of a second cluster: what others unsubscribe is not missed. */
class IoredisSubscriber implements PortSubscriber {
  readonly #owner: IoredisLike;
  readonly #listener: PortListener;
  readonly #pulseMillis: number;
  readonly #channels = new Set<string>();
  readonly #patterns = new Set<string>();
  #connection: IoredisLike | undefined;
  #pulse: Pulse | undefined;
  #isClosed = false;
  readonly #message = (channel: string, text: string): void => {
    this.#pulse?.heard();
    if (this.#channels.has(channel)) this.#listener.message(channel, text);
  };
  readonly #matched = (pattern: string, channel: string, text: string): void => {
    this.#pulse?.heard();
    if (this.#patterns.has(pattern)) this.#listener.matched(channel, text);
  };
  readonly #failed = (error: unknown): void => {
    if (!this.#isClosed) this.#listener.failed(error);
  };
  readonly #ready = (): void => {
    this.#resume().catch((error: unknown) => this.#failed(redisError(error, "SUBSCRIBE", this.#isClosed)));
  };

  constructor(owner: IoredisLike, listener: PortListener, pulseMillis: number) {
    this.#owner = owner;
    this.#listener = listener;
    this.#pulseMillis = pulseMillis;
  }

  async subscribe(channel: string): Promise<void> {
    this.#channels.add(channel);
    await this.#ask(`SUBSCRIBE ${channel}`, (client) => client.subscribe(channel)).catch((error: unknown) => {
      this.#channels.delete(channel);
      throw error;
    });
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
    await this.#ask(`UNSUBSCRIBE ${channel}`, (client) => client.unsubscribe(channel));
  }

  async subscribeTo(pattern: string): Promise<void> {
    this.#patterns.add(pattern);
    await this.#ask(`PSUBSCRIBE ${pattern}`, (client) => client.psubscribe(pattern)).catch((error: unknown) => {
      this.#patterns.delete(pattern);
      throw error;
    });
  }

  async unsubscribeFrom(pattern: string): Promise<void> {
    this.#patterns.delete(pattern);
    await this.#ask(`PUNSUBSCRIBE ${pattern}`, (client) => client.punsubscribe(pattern));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pulse?.stop();
    const client = this.#connection;
    if (!client) return;
    client.off("message", this.#message);
    client.off("pmessage", this.#matched);
    client.off("ready", this.#ready);
    client.off("+node", this.#ready);
    client.disconnect();
  }

  async #ask(what: string, act: (client: IoredisLike) => Promise<unknown>): Promise<void> {
    // A connection made now would be closed by nobody.
    if (this.#isClosed) throw new RedisError(`${what}: the source is closed`, true);
    try {
      this.#connection ??= this.#connect();
      await act(this.#connection);
    } catch (error) {
      throw redisError(error, what, this.#isClosed || this.#owner.status === "end");
    }
  }

  #connect(): IoredisLike {
    const client = this.#owner.duplicate() as IoredisLike;
    client.on("message", this.#message);
    client.on("pmessage", this.#matched);
    // What is connected for the first time has nothing to resume.
    client.once("ready", () => {
      client.on("ready", this.#ready);
      client.on("+node", this.#ready);
    });
    // Without a listener ioredis writes to the console.
    client.on("error", this.#failed);
    // Nobody can ask a cluster's connection for messages whether it lives.
    if ((client as { readonly isCluster?: boolean }).isCluster) return client;
    this.#pulse = new Pulse(this.#pulseMillis, {
      isReady: () => client.status === "ready",
      ping: () => client.ping(),
      lost: () => {
        this.#failed(new RedisError("PING: no answer over the connection for messages", false));
        client.disconnect(true);
      },
    });
    return client;
  }

  /** It subscribes again by itself, but says that it is ready before that is answered. */
  async #resume(): Promise<void> {
    const client = this.#connection;
    if (!client || this.#isClosed) return;
    if (this.#channels.size > 0) await client.subscribe(...this.#channels);
    if (this.#patterns.size > 0) await client.psubscribe(...this.#patterns);
    if (!this.#isClosed) this.#listener.resumed();
  }
}
