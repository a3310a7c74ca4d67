import { patiently } from "../patience.js";
import { type ConnectionEvents, onComeback } from "./comebacks.js";
import { Pulse, type Pulsed } from "./pulse.js";
import { RedisError, redisError } from "./redis-error.js";
import type { PortListener, PortSubscriber, RedisPort } from "./redis-port.js";
import type { Script } from "./script.js";

type Receive = (message: string, channel: string) => void;

/** What is used of a client or cluster of node-redis. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  eval(text: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  subscribe(channel: string, listener: Receive): Promise<unknown>;
  unsubscribe(channel: string, listener?: unknown): Promise<unknown>;
  pSubscribe(pattern: string, listener: Receive): Promise<unknown>;
  pUnsubscribe(pattern: string, listener?: unknown): Promise<unknown>;
  duplicate(): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (first: string, second: string, third: string) => void): unknown;
  off(event: string, listener: (first: string, second: string, third: string) => void): unknown;
}

/** Of a client, and of the nodes of a cluster. */
const connectionEvents: ConnectionEvents = {
  broken: ["reconnecting", "node-reconnecting"],
  ready: ["ready", "node-ready"],
};

const methods = ["eval", "evalSha", "subscribe", "unsubscribe", "pSubscribe", "pUnsubscribe", "duplicate"];

export function isNodeRedis(client: unknown): client is NodeRedisLike {
  if (typeof client !== "object" || client === null) return false;
  return methods.every((name) => typeof (client as Record<string, unknown>)[name] === "function");
}

export class NodeRedisPort implements RedisPort {
  readonly #client: NodeRedisLike;

  constructor(client: NodeRedisLike) {
    this.#client = client;
  }

  get database(): number {
    const { options } = this.#client as { readonly options?: { readonly database?: number } };
    return options?.database ?? 0;
  }

  get isClosed(): boolean {
    return !this.#client.isOpen;
  }

  get ownPrefix(): unknown {
    return (this.#client as { readonly _keyPrefix?: unknown })._keyPrefix;
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const options = { keys: [...keys], arguments: [...args] };
    try {
      return await this.#client.evalSha(script.sha, options).catch((error: unknown) => {
        if (!String(error).includes("NOSCRIPT")) throw error;
        return this.#client.eval(script.text, options);
      });
    } catch (error) {
      throw redisError(error, `EVALSHA ${script.name} ${keys[0]}`, this.isClosed);
    }
  }

  onComeback(tell: () => void): () => void {
    return onComeback(this.#client, connectionEvents, tell);
  }

  listen(listener: PortListener, pulseMillis: number): PortSubscriber {
    return new NodeRedisSubscriber(this.#client, listener, pulseMillis);
  }
}

/** A client listens on a second connection. A cluster does so by itself, for everybody who uses it. */
class NodeRedisSubscriber implements PortSubscriber {
  readonly #owner: NodeRedisLike;
  readonly #listener: PortListener;
  readonly #pulseMillis: number;
  readonly #channels = new Set<string>();
  readonly #patterns = new Set<string>();
  readonly #ready = (): void => this.#listener.resumed();
  readonly #message: Receive = (text, channel) => {
    this.#pulse?.heard();
    this.#listener.message(channel, text);
  };
  readonly #matched: Receive = (text, channel) => {
    this.#pulse?.heard();
    this.#listener.matched(channel, text);
  };
  #connection: Promise<NodeRedisLike> | undefined;
  #pulse: Pulse | undefined;
  #unwatch: (() => void) | undefined;
  #isClosed = false;

  constructor(owner: NodeRedisLike, listener: PortListener, pulseMillis: number) {
    this.#owner = owner;
    this.#listener = listener;
    this.#pulseMillis = pulseMillis;
  }

  get #isCluster(): boolean {
    return "masters" in this.#owner;
  }

  async subscribe(channel: string): Promise<void> {
    await this.#ask(`SUBSCRIBE ${channel}`, (client) => client.subscribe(channel, this.#message));
    this.#channels.add(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
    await this.#ask(`UNSUBSCRIBE ${channel}`, (client) => client.unsubscribe(channel, this.#message));
  }

  async subscribeTo(pattern: string): Promise<void> {
    await this.#ask(`PSUBSCRIBE ${pattern}`, (client) => client.pSubscribe(pattern, this.#matched));
    this.#patterns.add(pattern);
  }

  async unsubscribeFrom(pattern: string): Promise<void> {
    this.#patterns.delete(pattern);
    await this.#ask(`PUNSUBSCRIBE ${pattern}`, (client) => client.pUnsubscribe(pattern, this.#matched));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pulse?.stop();
    this.#unwatch?.();
    if (!this.#isCluster) this.#connection?.then((client) => client.destroy()).catch(() => undefined);
  }

  async #ask(what: string, act: (client: NodeRedisLike) => Promise<unknown>): Promise<void> {
    // A connection made now would be closed by nobody.
    if (this.#isClosed) throw new RedisError(`${what}: the source is closed`, true);
    try {
      this.#connection ??= this.#connect();
      await act(await this.#connection);
    } catch (error) {
      throw redisError(error, what, this.#isClosed || !this.#owner.isOpen);
    }
  }

  async #connect(): Promise<NodeRedisLike> {
    if (this.#isCluster) {
      this.#unwatch = onComeback(this.#owner, connectionEvents, this.#ready);
      return this.#owner;
    }
    const client = this.#owner.duplicate() as NodeRedisLike;
    // Without a listener an error would end the process.
    client.on("error", (error: unknown) => {
      if (!this.#isClosed) this.#listener.failed(error);
    });
    try {
      await client.connect();
    } catch (error) {
      this.#connection = undefined;
      client.destroy();
      throw error;
    }
    // It is ready again when it has subscribed again.
    client.on("ready", this.#ready);
    if (this.#isClosed) client.destroy();
    else this.#pulse = new Pulse(this.#pulseMillis, this.#pulsed(client));
    return client;
  }

  #pulsed(client: NodeRedisLike): Pulsed {
    return {
      isReady: () => client.isReady === true,
      ping: () => client.ping(),
      lost: () => {
        this.#listener.failed(new RedisError("PING: no answer over the connection for messages", false));
        this.#pulse?.stop();
        // A client that is destroyed while it gives up its connection by itself may never connect again.
        client.destroy();
        this.#connection = undefined;
        const attempts = {
          failed: (error: unknown) => this.#listener.failed(error),
          isNeeded: () => !this.#isClosed,
        };
        patiently(() => this.#ask("SUBSCRIBE", (next) => this.#resume(next)), attempts).catch(() => undefined);
      },
    };
  }

  async #resume(client: NodeRedisLike): Promise<void> {
    await Promise.all([
      ...[...this.#channels].map((channel) => client.subscribe(channel, this.#message)),
      ...[...this.#patterns].map((pattern) => client.pSubscribe(pattern, this.#matched)),
    ]);
    if (!this.#isClosed) this.#listener.resumed();
  }
}
