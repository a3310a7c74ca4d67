import { EventBus, type EventBusOptions } from "spanbus";
import { RedisEventSource, type RedisEventSourceOptions, RedisRelay, type RedisRelayOptions } from "spanbus/redis";
import { afterEach } from "vitest";
import { type ClientName, type Connection, clients } from "./clients.js";

/** Buses, relays and sources that are made for one test and taken down behind it. */
export class Stages {
  readonly #undo: (() => unknown)[] = [];
  readonly errors: Error[] = [];

  constructor() {
    afterEach(async () => {
      for (const undo of this.#undo.splice(0).reverse()) await undo();
      this.errors.length = 0;
    });
  }

  async connect(url: string, name: ClientName = "node-redis"): Promise<Connection> {
    const connection = await clients[name](url);
    this.#undo.push(() => connection.close());
    return connection;
  }

  bus(options: EventBusOptions = {}): EventBus {
    const bus = new EventBus(options);
    this.#undo.push(() => bus.shutdown());
    return bus;
  }

  relay(bus: EventBus, { client }: Connection, options: Partial<RedisRelayOptions> = {}): RedisRelay {
    const relay = new RedisRelay(bus, { client, onError: (error) => void this.errors.push(error), ...options });
    this.#undo.push(() => relay.close({ timeoutMillis: 200 }));
    return relay;
  }

  source({ client }: Connection, options: Partial<RedisEventSourceOptions> = {}): RedisEventSource {
    const source = new RedisEventSource({ client, onError: (error) => void this.errors.push(error), ...options });
    this.#undo.push(() => source.close());
    return source;
  }
}
