import { EventBus, type EventBusOptions } from "spanbus";
import { RedisEventSource, type RedisEventSourceOptions, RedisRelay, type RedisRelayOptions } from "spanbus/redis";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type ClientName, type Connection, type ConnectionOptions, clients } from "./clients.js";
import { Network } from "./network.js";
import { RedisServer, type ServerOptions } from "./redis-server.js";

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

/** A stage with a server of its own for all tests of a group, and two connections to it, made for each test: it begins empty. */
export interface ServedStage {
  readonly stages: Stages;
  readonly server: Pick<RedisServer, "url" | "port" | "kill" | "start">;
  readonly one: Connection;
  readonly other: Connection;
}

export function servedStage(name: ClientName, options?: ServerOptions): ServedStage {
  const stages = new Stages();
  let running: RedisServer;
  let connections: readonly [Connection, Connection];
  beforeAll(async () => {
    running = await RedisServer.start(options);
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    connections = [await stages.connect(running.url, name), await stages.connect(running.url, name)];
    await connections[0].command("FLUSHALL");
  });
  return {
    stages,
    server: {
      get url() {
        return running.url;
      },
      get port() {
        return running.port;
      },
      kill: () => running.kill(),
      start: () => running.start(),
    },
    one: current(() => connections[0]),
    other: current(() => connections[1]),
  };
}

/** The connection of the test that runs. */
function current(find: () => Connection): Connection {
  return {
    get client() {
      return find().client;
    },
    command: (...words) => find().command(...words),
    close: () => find().close(),
  };
}
