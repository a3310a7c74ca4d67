import { redisError } from "./redis-error.js";
import type { PortListener, PortSubscriber, RedisPort } from "./redis-port.js";
import type { Script } from "./script.js";

type Receive = (message: string, channel: string) => void;

/** What is used of a client or cluster of node-redis. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  eval(text: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  subscribe(channel: string, listener: Receive): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  pSubscribe(pattern: string, listener: Receive): Promise<unknown>;
  pUnsubscribe(pattern: string): Promise<unknown>;
  duplicate(): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: string, listener: (first: string, second: string, third: string) => void): unknown;
  off(event: string, listener: (first: string, second: string, third: string) => void): unknown;
}

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
      throw redisError(error, `EVALSHA ${script.name} ${keys[0]}`, !this.#client.isOpen);
    }
  }

  listen(listener: PortListener): PortSubscriber {
    return new NodeRedisSubscriber(this.#client, listener);
  }
}

/** A client listens on a second connection. A cluster does so by itself. */
class NodeRedisSubscriber implements PortSubscriber {
  readonly #owner: NodeRedisLike;
  readonly #listener: PortListener;
  readonly #ready = (): void => this.#listener.resumed();
  #connection: Promise<NodeRedisLike> | undefined;
  #isClosed = false;

  constructor(owner: NodeRedisLike, listener: PortListener) {
    this.#owner = owner;
    this.#listener = listener;
  }

  get #isCluster(): boolean {
    return "masters" in this.#owner;
  }

  async subscribe(channel: string): Promise<void> {
    await this.#ask(`SUBSCRIBE ${channel}`, (client) =>
      client.subscribe(channel, (message) => this.#listener.message(channel, message)),
    );
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#ask(`UNSUBSCRIBE ${channel}`, (client) => client.unsubscribe(channel));
  }

  async subscribeTo(pattern: string): Promise<void> {
    await this.#ask(`PSUBSCRIBE ${pattern}`, (client) =>
      client.pSubscribe(pattern, (message, channel) => this.#listener.matched(channel, message)),
    );
  }

  async unsubscribeFrom(pattern: string): Promise<void> {
    await this.#ask(`PUNSUBSCRIBE ${pattern}`, (client) => client.pUnsubscribe(pattern));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.off("node-ready", this.#ready);
    if (!this.#isCluster) this.#connection?.then((client) => client.destroy()).catch(() => undefined);
  }

  async #ask(what: string, act: (client: NodeRedisLike) => Promise<unknown>): Promise<void> {
    try {
      this.#connection ??= this.#connect();
      await act(await this.#connection);
    } catch (error) {
      throw redisError(error, what, this.#isClosed || !this.#owner.isOpen);
    }
  }

  async #connect(): Promise<NodeRedisLike> {
    if (this.#isCluster) {
      this.#owner.on("node-ready", this.#ready);
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
    return client;
  }
}
