import { EventBus, type EventBusOptions } from "spanbus";
import { RedisEventSource, type RedisEventSourceOptions, RedisRelay, type RedisRelayOptions } from "spanbus/redis";
import { afterEach } from "vitest";
import { type ClientName, type Connection, type ConnectionOptions, clients } from "./clients.js";
import { Network } from "./network.js";

/** Buses, relays and sources that are made for one test and taken down behind it. */
export class Stages {
  readonly #undo: (() => unknown)[] = [];
  /** What relays and sources of this test told; what those of an earlier one still tell is not in it. */
  errors: Error[] = [];

  constructor() {
    afterEach(async () => {
      for (const undo of this.#undo.splice(0).reverse()) await undo();
      this.errors = [];
    });
  }

  async connect(url: string, name: ClientName = "node-redis", options?: ConnectionOptions): Promise<Connection> {
    const connection = await clients[name](url, options);
    this.#undo.push(() => connection.close());
    return connection;
  }

  /** A network between what is connected to it and a server. */
  async network(port: number): Promise<Network> {
    const network = await Network.to(port);
    this.#undo.push(() => network.close());
    return network;
  }

  bus(options: EventBusOptions = {}): EventBus {
    const bus = new EventBus(options);
    this.#undo.push(() => bus.shutdown());
    return bus;
  }

  relay(bus: EventBus, { client }: Connection, options: Partial<RedisRelayOptions> = {}): RedisRelay {
    const { errors } = this;
    const relay = new RedisRelay(bus, { client, onError: (error) => void errors.push(error), ...options });
    this.#undo.push(() => relay.close({ timeoutMillis: 200 }));
    return relay;
  }

  source({ client }: Connection, options: Partial<RedisEventSourceOptions> = {}): RedisEventSource {
    const { errors } = this;
    const source = new RedisEventSource({ client, onError: (error) => void errors.push(error), ...options });
    this.#undo.push(() => source.close());
    return source;
  }
}
