import { getEventListeners, once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { type Client, type ConnectionState, type ConnectOptions, connect, EndpointError } from "spanbus/client";
import { createHandler, type HandlerOptions } from "spanbus/http";
import { afterEach, describe, expect, it } from "vitest";
import { isOfType, publishNote, publishNotes, read, readOne, readToEnd, restoreAfterEach } from "../bus/support.js";

restoreAfterEach();

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A bus behind a real endpoint that can be cut, stopped and started again at the same address. */
class Remote {
  readonly bus = new EventBus({ closeGraceMillis: 1 });
  readonly #options: Partial<HandlerOptions>;
  #server: Server | undefined;
  #port = 0;

  private constructor(options: Partial<HandlerOptions>) {
    this.#options = options;
  }

  static async start(options: Partial<HandlerOptions> = {}): Promise<Remote> {
    const remote = new Remote(options);
    await remote.up();
    closing.push(() => remote.down());
    return remote;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async up(bus = this.bus): Promise<void> {
    const handler = createHandler(bus, { authorize: () => true, ...this.#options });
    this.#server = createServer(getRequestListener(handler)).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts every connection; new ones are taken. */
  cut(): void {
    this.#server?.closeAllConnections();
  }

  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  client(options: Parameters<typeof connect>[1] = {}): Client {
    return connect(this.url, options);
  }

  /** Waits until so many readers are attached to the bus. */
  async attached(readers: number): Promise<void> {
    await until(() => {
      const { runSubscribers, globalSubscribers } = this.bus.stats();
      return runSubscribers + globalSubscribers === readers;
    });
  }
}

/** The address of a server that answers as it is told, which is not as an endpoint does. */
async function served(answer: RequestListener): Promise<string> {
  return listening(createServer(answer));
}

/** The address of a server that takes connections and never says a word. */
async function mute(): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createNetServer((socket) => sockets.add(socket));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  return listening(server);
}

async function listening(server: Server | ReturnType<typeof createNetServer>): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(async () => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const eventStream = { "content-type": "text/event-stream" };

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

function numbers(events: readonly BusEvent[]): number[] {
  return events.filter(isOfType("note")).map(({ data }) => (data as { n: number }).n);
}

async function failureOf(subscription: Subscription): Promise<EndpointError> {
  const error = await subscription.next().catch((thrown: unknown) => thrown);
  if (!(error instanceof EndpointError)) throw new Error(`not an EndpointError: ${error}`);
  return error;
}

describe("a remote reader of one run", () => {
  it("gets the history, then what is live, then the end and how the run ended", async () => {
    const remote = await Remote.start();
    const sent = publishNotes(remote.bus, "run", 1, 3);
    const reader = remote.client().subscribe("run");
    expect(await read(reader, 3)).toEqual(sent);
    expect(reader.lastId).toBe(sent[2]?.id);
    sent.push(publishNote(remote.bus, "run", 4));
    expect(await readOne(reader)).toEqual(sent[3]);
    expect(reader.caughtUp).toBe(true);
    remote.bus.closeStream("run", "failed");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "failed" });
    await remote.attached(0);
  });

  it("gets the end of a run that it has read before", async () => {
    const remote = await Remote.start();
    const [first] = publishNotes(remote.bus, "run", 1);
    remote.bus.closeStream("run", "completed");
    const reader = remote.client().subscribe("run", { after: first?.id });
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("gets every event once and in order, however often the connection is cut", async () => {
    const remote = await Remote.start();
    const states: ConnectionState[] = [];
    const reader = remote.client().subscribe("run", { onConnection: (state) => states.push(state) });
    const events: BusEvent[] = [];
    for (let n = 1; n <= 20; n += 1) {
      publishNote(remote.bus, "run", n);
      events.push(await readOne(reader));
      if (n % 5 === 0) remote.cut();
    }
    expect(numbers(events)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(events.filter(isOfType("bus.gap"))).toEqual([]);
    expect(states).toEqual(["open", "lost", "open", "lost", "open", "lost", "open"]);
  });

  it("is told by a gap what was lost while the connection was", async () => {
    const remote = await Remote.start();
    const bus = new EventBus({ historyPerRun: 2 });
    await remote.down();
    await remote.up(bus);
    const reader = remote.client().subscribe("run");
    publishNote(bus, "run", 1);
    await readOne(reader);
    await remote.down();
    publishNotes(bus, "run", 2, 9);
    await remote.up(bus);
    const [gap, ...rest] = await read(reader, 3);
    expect(gap).toMatchObject({ type: "bus.gap", data: { missed: 6, reason: "evicted" } });
    expect(numbers(rest)).toEqual([8, 9]);
  });

  it("counts what it lost by being slow", async () => {
    const remote = await Remote.start();
    const bus = new EventBus({ maxQueueSize: 2, historyPerRun: 2 });
    await remote.down();
    await remote.up(bus);
    const reader = remote.client().subscribe("run", { after: "live" });
    await until(() => bus.stats().runSubscribers === 1);
    publishNotes(bus, "run", 1, 9);
    bus.closeStream("run");
    const events = await readToEnd(reader);
    expect(reader.dropped).toBe(7);
    expect(numbers(events)).toEqual([8, 9]);
  });

  it("waits for a run that nobody knows yet, or says that there is none", async () => {
    const remote = await Remote.start();
    const waiting = remote.client().subscribe("later");
    await remote.attached(1);
    publishNote(remote.bus, "later", 1);
    expect(numbers([await readOne(waiting)])).toEqual([1]);

    const reader = remote.client().subscribe("never", { wait: false });
    expect((await failureOf(reader)).status).toBe(404);
    expect(await reader.ended).toEqual({ reason: "cut" });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it("waits on behind a cut for a run of which it got nothing but a gap", async () => {
    const remote = await Remote.start();
    const reader = remote.client().subscribe("later", { after: "another-1.5" });
    expect(await readOne(reader)).toMatchObject({ type: "bus.gap", data: { missed: 0, reason: "generation" } });
    remote.cut();
    const rest = read(reader, 2);
    await Promise.race([rest, remote.attached(0)]);
    await Promise.race([rest, remote.attached(1)]);
    publishNote(remote.bus, "later", 1);
    expect(numbers(await rest)).toEqual([1]);
  });

  it("reads only the types it asked for, under any run id", async () => {
    const remote = await Remote.start();
    const runId = "a/b ?#%2F😀";
    publishNote(remote.bus, runId, 1, "order.placed");
    publishNote(remote.bus, runId, 2, "note");
    remote.bus.closeStream(runId);
    const events = await readToEnd(remote.client().subscribe(runId, { types: ["order.*"] }));
    expect(events.map(({ type }) => String(type))).toEqual(["order.placed"]);
  });

  it("ends as `dropped` when its run was forgotten, and would wait for it no more", async () => {
    const remote = await Remote.start();
    publishNote(remote.bus, "run", 1);
    const reader = remote.client().subscribe("run");
    await readOne(reader);
    remote.bus.dropHistory("run");
    const rest = await readToEnd(reader);
    expect(rest.filter(isOfType("note"))).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "dropped" });
  });

  it("ends as `dropped` also where none of its events was of the types asked for, or might be shown", async () => {
    const remote = await Remote.start({ authorize: () => ({ where: () => false }) });
    publishNote(remote.bus, "run", 1);
    const readers = [["other"], undefined].map((types) => remote.client().subscribe("run", { types }));
    await remote.attached(2);
    const reading = readers.map(readToEnd);
    remote.bus.dropHistory("run");
    expect(await Promise.all(reading)).toEqual([[], []]);
    for (const reader of readers) expect(await reader.ended).toEqual({ reason: "dropped" });
  });

  it("goes on when `onConnection` throws", async () => {
    const remote = await Remote.start();
    publishNote(remote.bus, "run", 1);
    remote.bus.closeStream("run", "completed");
    const reader = remote.client().subscribe("run", {
      onConnection: () => {
        throw new Error("mine");
      },
    });
    expect(numbers(await readToEnd(reader))).toEqual([1]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("gives what is there as a batch", async () => {
    const remote = await Remote.start();
    publishNotes(remote.bus, "run", 1, 50);
    remote.bus.closeStream("run");
    const batches: number[] = [];
    for await (const batch of remote.client().subscribe("run").batches()) batches.push(...numbers(batch));
    expect(batches).toHaveLength(50);
  });

  it.each<[string, (reader: Subscription, controller: AbortController) => unknown, string]>([
    ["`close`", (reader) => reader.close(), "returned"],
    ["`return`", (reader) => reader.return(), "returned"],
    ["its signal", (_, controller) => controller.abort(), "aborted"],
  ])("leaves by %s, also while it waits, and the bus is rid of it", async (_, leave, reason) => {
    const remote = await Remote.start();
    const controller = new AbortController();
    const reader = remote.client().subscribe("run", { signal: controller.signal });
    const waiting = reader.next();
    await remote.attached(1);
    leave(reader, controller);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual({ reason });
    await remote.attached(0);
  });

  it("leaves by `break`", async () => {
    const remote = await Remote.start();
    publishNotes(remote.bus, "run", 1, 3);
    const reader = remote.client().subscribe("run");
    for await (const _ of reader) break;
    expect(await reader.ended).toEqual({ reason: "returned" });
    await remote.attached(0);
  });

  it("serves reads that wait in their order", async () => {
    const remote = await Remote.start();
    const reader = remote.client().subscribe("run");
    const reads = [reader.next(), reader.next(), reader.next()];
    await remote.attached(1);
    publishNotes(remote.bus, "run", 1, 3);
    const results = await Promise.all(reads);
    expect(numbers(results.flatMap(({ value }) => (value ? [value] : [])))).toEqual([1, 2, 3]);
  });
});

describe("a remote reader of all runs", () => {
  it("reads every run, and leaves the bus with the signal of its client", async () => {
    const remote = await Remote.start();
    const controller = new AbortController();
    const reader = remote.client({ signal: controller.signal }).subscribeGlobal();
    await remote.attached(1);
    publishNote(remote.bus, "a", 1);
    publishNote(remote.bus, "b", 2);
    const events = await read(reader, 4);
    expect(events.map(({ runId, type }) => `${runId} ${String(type)}`)).toEqual([
      "a bus.run.opened",
      "a note",
      "b bus.run.opened",
      "b note",
    ]);
    controller.abort();
    expect(await reader.ended).toEqual({ reason: "aborted" });
    await remote.attached(0);
  });

  it("is told that events may be missing after a cut", async () => {
    const remote = await Remote.start();
    const reader = remote.client().subscribeGlobal({ types: ["note"] });
    await remote.attached(1);
    const before = publishNote(remote.bus, "run", 1);
    expect(await readOne(reader)).toEqual(before);
    remote.cut();
    await remote.attached(0);
    publishNote(remote.bus, "run", 2);
    const next = reader.next();
    await remote.attached(1);
    publishNote(remote.bus, "run", 3);
    expect((await next).value).toMatchObject({
      id: before.id,
      type: "bus.gap",
      data: { missed: 0, reason: "cut" },
    });
    expect(numbers([await readOne(reader)])).toEqual([3]);
    expect(reader.dropped).toBe(0);
  });
});

describe("a cut before the first event of all runs", () => {
  it("is told by a gap at the first event that comes", async () => {
    const remote = await Remote.start();
    const reader = remote.client().subscribeGlobal({ types: ["note"] });
    const reading = read(reader, 2);
    await remote.attached(1);
    remote.cut();
    await remote.attached(0);
    publishNote(remote.bus, "run", 1);
    await remote.attached(1);
    const seen = publishNote(remote.bus, "run", 2);
    const [gap, event] = await reading;
    expect(gap).toMatchObject({ type: "bus.gap", id: seen.id, runId: "run", data: { missed: 0, reason: "cut" } });
    expect(event).toEqual(seen);
  });
});

describe("a reader of what is live", () => {
  it("is told by a gap that it may have missed events while it was cut before its first one", async () => {
    const remote = await Remote.start();
    publishNote(remote.bus, "run", 1);
    const reader = remote.client().subscribe("run", { after: "live" });
    const reading = read(reader, 2);
    await remote.attached(1);
    remote.cut();
    await remote.attached(0);
    const missed = publishNote(remote.bus, "run", 2);
    await remote.attached(1);
    const seen = publishNote(remote.bus, "run", 3);
    const [gap, event] = await reading;
    expect(gap).toMatchObject({ type: "bus.gap", id: missed.id, runId: "run", data: { missed: 0, reason: "cut" } });
    expect(event).toEqual(seen);
    expect(reader.dropped).toBe(0);
  });

  it("is told so also when the run is over by then", async () => {
    const remote = await Remote.start();
    publishNote(remote.bus, "run", 1);
    const reader = remote.client().subscribe("run", { after: "live" });
    const reading = readToEnd(reader);
    await remote.attached(1);
    remote.cut();
    const missed = publishNote(remote.bus, "run", 2);
    remote.bus.closeStream("run", "completed");
    expect(await reading).toMatchObject([{ type: "bus.gap", id: missed.id, data: { missed: 0, reason: "cut" } }]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("misses nothing of a run that it waited for", async () => {
    const remote = await Remote.start();
    const reader = remote.client().subscribe("later", { after: "live" });
    const reading = read(reader, 2);
    await remote.attached(1);
    remote.cut();
    await remote.attached(0);
    const sent = [publishNote(remote.bus, "later", 1)];
    await remote.attached(1);
    sent.push(publishNote(remote.bus, "later", 2));
    expect(await reading).toEqual(sent);
  });
});

describe("a signal", () => {
  it("has one listener, however many subscriptions its client has, and none when they are over", async () => {
    const { signal } = new AbortController();
    const client = connect(await mute(), { signal });
    const readers = Array.from({ length: 20 }, (_, n) => client.subscribe(`run ${n}`));
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const reader of readers) reader.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("that is aborted already ends a reader before anything is asked, and leaves nothing behind", async () => {
    const asked: string[] = [];
    const own = new AbortController();
    const client = connect("http://localhost:1", {
      signal: AbortSignal.abort(new Error("over")),
      fetch: async (url) => {
        asked.push(url);
        return new Response();
      },
    });
    const reader = client.subscribe("run", { signal: own.signal });
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "aborted" });
    await expect(client.runs()).rejects.toThrow("over");
    expect(getEventListeners(own.signal, "abort")).toHaveLength(0);
    expect(asked).toEqual([]);
  });

  it("of its client ends a question that is not answered", async () => {
    const controller = new AbortController();
    const client = connect(await mute(), { signal: controller.signal });
    const question = client.stats();
    controller.abort(new Error("enough"));
    await expect(question).rejects.toThrow("enough");
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });
});

describe("an endpoint that", () => {
  it("takes connections and never answers is given up, by every call", async () => {
    const client = connect(await mute(), { silenceMillis: 20, giveUpMillis: 1 });
    const message = /did not answer within 20 ms/;
    expect((await failureOf(client.subscribe("run"))).message).toMatch(message);
    await expect(client.runs()).rejects.toThrow(message);
    await expect(client.history("run")).rejects.toThrow(message);
    await expect(client.stats()).rejects.toThrow(message);
  });

  it("begins to answer and stops is given up, by every call", async () => {
    const url = await served((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"runs":[');
    });
    await expect(connect(url, { silenceMillis: 50 }).runs()).rejects.toThrow("did not answer within 50 ms");
  });

  it("is not asked since the headers do not come is given up", async () => {
    const client = connect("http://localhost:1", { silenceMillis: 20, headers: () => new Promise(() => {}) });
    await expect(client.runs()).rejects.toThrow("did not answer within 20 ms");
  });

  it.each([
    ["a heartbeat", ": heartbeat\n\n"],
    ["where live begins", "event: caught-up\ndata: {}\n\n"],
    ["half an event", 'data: {"id"'],
    ["what is no event", "data: {}\n\n"],
    ["an end that is null", "event: end\ndata: null\n\n"],
    ["an end without a reason", "event: end\ndata: {}\n\n"],
    ["an end for a reason that is none", 'event: end\ndata: {"reason":"evicted"}\n\n'],
  ])("sends %s and cuts, always, is asked ever more seldom and given up", async (_, text) => {
    let requests = 0;
    const url = await served((_request, response) => {
      requests += 1;
      response.writeHead(200, eventStream).end(text);
    });
    const reader = connect(url, { giveUpMillis: 600 }).subscribe("run");
    await failureOf(reader);
    expect(await reader.ended).toEqual({ reason: "cut" });
    // Pauses of at least 125 and 250 ms, and what is left.
    expect(requests).toBeLessThanOrEqual(5);
  });

  it("sends what is no event gives the events before it, then the reason", async () => {
    const event = { id: "g-1.1", runId: "run", type: "note", time: 1, data: { n: 1 } };
    const url = await served((request, response) => {
      const first = request.url?.includes("after=") ? "" : `data: ${JSON.stringify(event)}\n\n`;
      response.writeHead(200, eventStream).write(`${first}data: {"id":1}\n\n`);
    });
    const reader = connect(url, { giveUpMillis: 1 }).subscribe("run");
    expect(await readOne(reader)).toEqual(event);
    expect((await failureOf(reader)).message).toContain("no stream of events: TypeError: `id` of an event must be");
  });

  it("sends without end what is no event is given up", async () => {
    const url = await served((_, response) => {
      response.writeHead(200, eventStream);
      const more = (): void => {
        while (response.write("data: x\n".repeat(10_000)));
      };
      response.on("drain", more);
      more();
    });
    const error = await failureOf(connect(url, { giveUpMillis: 1 }).subscribe("run"));
    expect(error.message).toMatch(/no stream of events: .*max buffer size/);
  });

  it("refuses without end is read no further", async () => {
    const url = await served((_, response) => {
      response.writeHead(400, { "content-type": "application/problem+json" });
      const more = (): void => {
        while (response.write("x".repeat(10_000)));
      };
      response.on("drain", more);
      more();
    });
    const client = connect(url);
    expect((await failureOf(client.subscribe("run"))).message).toMatch(/answered 400$/);
    await expect(client.runs()).rejects.toMatchObject({ status: 400 });
  });

  it("sends elsewhere is not followed, and not asked again", async () => {
    const asked: string[] = [];
    const url = await served((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    const client = connect(url);
    const error = await failureOf(client.subscribe("run"));
    expect(error.status).toBe(302);
    expect(error.message).toContain("a redirect, which is not followed");
    await expect(client.runs()).rejects.toMatchObject({ status: 302 });
    expect(asked).toEqual(["/runs/run/events?wait=true", "/runs"]);
  });

  it.each([
    ["the seconds", () => "1"],
    ["the date", () => new Date(Date.now() + 2000).toUTCString()],
  ])("is busy is asked again after %s of `Retry-After`", async (_, retryAfter) => {
    const times: number[] = [];
    const remote = await Remote.start();
    publishNote(remote.bus, "run", 1);
    const reader = connect(remote.url, {
      fetch: async (url, init) => {
        times.push(performance.now());
        if (times.length > 1) return fetch(url, init);
        return new Response(null, { status: 503, headers: { "retry-after": retryAfter() } });
      },
    }).subscribe("run");
    await readOne(reader);
    reader.close();
    // The first pause without it is at most 375 ms.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
  });

  it.each(["null", "{}", '{"runs":{},"events":[1]}', '{"runs":[{}],"events":[{}]}'])(
    "answers %s is no endpoint",
    async (text) => {
      const client = connect(await served((_, response) => response.end(text)));
      const says = "is it a spanbus endpoint?";
      await expect(client.runs()).rejects.toThrow(says);
      await expect(client.history("run")).rejects.toThrow(says);
      await expect(client.stats()).rejects.toThrow(says);
    },
  );

  it("refuses ends the reader with what it says", async () => {
    const remote = await Remote.start({ authorize: () => false });
    const error = await failureOf(remote.client().subscribe("run"));
    expect(error.status).toBe(403);
    expect(error.message).toMatch(/\/runs\/run\/events\?wait=true answered 403: ./);
    await expect(remote.client().runs()).rejects.toMatchObject({ status: 403 });
  });

  it("is not there at first is told once as `lost`, with the reason, however often it is tried", async () => {
    const remote = await Remote.start();
    let tries = 0;
    const states: string[] = [];
    const reader = connect(remote.url, {
      fetch: (url, init) => {
        tries += 1;
        return tries < 3 ? Promise.reject(new Error("nobody is here")) : fetch(url, init);
      },
    }).subscribe("run", { onConnection: (state, error) => states.push(error ? `${state}: ${error.message}` : state) });
    publishNote(remote.bus, "run", 1);
    await readOne(reader);
    expect(states).toEqual([expect.stringMatching(/^lost: .* could not be reached: nobody is here$/), "open"]);
  });

  it("is not there any more is given up after `giveUpMillis`, with the reason", async () => {
    const remote = await Remote.start();
    const states: string[] = [];
    const reader = remote
      .client({ giveUpMillis: 50 })
      .subscribe("run", { onConnection: (state) => states.push(state) });
    publishNote(remote.bus, "run", 1);
    await readOne(reader);
    await remote.down();
    const error = await failureOf(reader);
    expect(error.message).toMatch(/could not be reached: .*ECONNREFUSED/);
    expect(await reader.ended).toEqual({ reason: "cut" });
    expect(states).toEqual(["open", "lost", "closed"]);
  });

  it("is no spanbus endpoint is called that", async () => {
    const server = createServer((_, response) => response.end("<p>hello</p>")).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => server.close());
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { giveUpMillis: 1 });
    expect((await failureOf(client.subscribe("run"))).message).toMatch(/is it a spanbus endpoint\?/);
    await expect(client.stats()).rejects.toThrow("is it a spanbus endpoint?");
  });

  it("says nothing for `silenceMillis` counts as gone", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await failureOf(connect(url, { silenceMillis: 20, giveUpMillis: 1 }).subscribe("run"));
    expect(error.message).toBe("nothing came from the endpoint for 20 ms");
  });

  it.each(["a run", "all runs"])(
    "is hidden behind a 404 of something else for a while ends no reader of %s",
    async (of) => {
      const bus = new EventBus();
      let isDeployed = true;
      const listener = getRequestListener(createHandler(bus, { authorize: () => true }));
      const server = createServer((request, response) => {
        if (isDeployed) return void listener(request, response);
        isDeployed = true;
        response.writeHead(404, { "content-type": "text/html" }).end("<h1>404</h1>");
      });
      const client = connect(await listening(server));
      const reader = of === "a run" ? client.subscribe("run") : client.subscribeGlobal({ types: ["note"] });
      const first = readOne(reader);
      await until(() => bus.stats().runSubscribers + bus.stats().globalSubscribers === 1);
      publishNote(bus, "run", 1);
      expect(numbers([await first])).toEqual([1]);
      isDeployed = false;
      server.closeAllConnections();
      const next = readOne(reader);
      await until(() => isDeployed && bus.stats().runSubscribers + bus.stats().globalSubscribers === 1);
      publishNote(bus, "run", 2);
      expect((await next).type).toBe(of === "a run" ? "note" : "bus.gap");
      reader.close();
    },
  );

  it("is asked with the headers of the client, made anew for each request", async () => {
    const seen: (string | null)[] = [];
    const remote = await Remote.start({
      authorize: ({ headers }) => {
        seen.push(headers.get("authorization"));
        return true;
      },
    });
    let token = 0;
    const client = remote.client({
      headers: async () => {
        token += 1;
        return { authorization: `Bearer ${token}` };
      },
    });
    await client.runs();
    await client.stats();
    expect(seen).toEqual(["Bearer 1", "Bearer 2"]);
  });
});

describe("headers", () => {
  const given = { authorization: "Bearer 1", "x-team": "a" };
  it.each<[string, ConnectOptions["headers"]]>([
    ["an object", given],
    ["`Headers`", new Headers(given)],
    ["a map", new Map(Object.entries(given))],
    ["pairs", Object.entries(given)],
    ["a function that gives `Headers`", () => new Headers(given)],
    ["a function that gives a map later", async () => new Map(Object.entries(given))],
  ])("may be %s", async (_, headers) => {
    let seen: Headers | undefined;
    const remote = await Remote.start({
      authorize: (request) => {
        seen = request.headers;
        return true;
      },
    });
    await remote.client({ headers }).runs();
    expect([seen?.get("authorization"), seen?.get("x-team"), seen?.get("accept")]).toEqual([
      "Bearer 1",
      "a",
      "application/json",
    ]);
  });

  it.each([1, "x: y", undefined])("that a function gives as %j are none, and said to be", async (headers) => {
    const client = connect("http://localhost:1", { headers: () => headers as never });
    await expect(client.runs()).rejects.toThrow(
      "`headers` must be an object, Headers, or pairs of name and value, got",
    );
  });
});

describe("`history`, `runs` and `stats`", () => {
  it("answer what the bus answers", async () => {
    const remote = await Remote.start();
    const sent = publishNotes(remote.bus, "run", 1, 5);
    const client = remote.client();
    expect(await client.history("run")).toEqual(sent);
    expect(await client.history("run", { limit: 2 })).toEqual(sent.slice(3));
    expect(await client.history("run", { after: sent[1]?.id, limit: 2 })).toEqual(sent.slice(2, 4));
    expect(await client.history("run", { after: "live" })).toEqual(remote.bus.history("run", { after: "live" }));
    expect(await client.runs()).toEqual(remote.bus.runs());
    expect(await client.stats()).toEqual(remote.bus.stats({ depths: false }));
  });
});

describe("a mistake in the call", () => {
  const client = connect("http://localhost:1/spanbus/");
  it.each<[string, () => unknown, string]>([
    ["no address", () => connect("nowhere"), '`url` must be an http or https address, got "nowhere"'],
    ["another scheme", () => connect("ftp://host"), '`url` must be an http or https address, got "ftp://host"'],
    ["a query", () => connect("http://host/?a=1"), "`url` must not hold a query or a hash"],
    ["a hash", () => connect("http://host/#a"), "`url` must not hold a query or a hash"],
    ["a password", () => connect("http://me:secret@host/"), "`url` must not hold a user or a password"],
    ["half a character", () => client.subscribe("\ud83d"), "`runId` must be 1 to 256 characters"],
    [
      "no patience",
      () => connect("http://host", { giveUpMillis: 0 }),
      "`giveUpMillis` must be a positive integer, got 0",
    ],
    ["no fetch", () => connect("http://host", { fetch: 1 as never }), "`fetch` must be a function, got 1"],
    ["no signal", () => connect("http://host", { signal: 1 as never }), "`signal` must be an AbortSignal, got 1"],
    [
      "a signal that one cannot stop listening to",
      () => connect("http://host", { signal: { aborted: false, addEventListener() {} } as never }),
      "`signal` must be an AbortSignal, got [object Object]",
    ],
    ["an empty run id", () => client.subscribe(""), "`runId` must be 1 to 256 characters"],
    ["a run id that no path can hold", () => client.subscribe(".."), '`runId` must be other than "." and ".."'],
    ["types that are none", () => client.subscribe("r", { types: ["*"] }), "`types` must be exact names or prefixes"],
    ["waiting that is none", () => client.subscribe("r", { wait: 1 as never }), "`wait` must be true or false, got 1"],
    [
      "a place that is none",
      () => client.subscribe("r", { after: "" }),
      '`after` must be an event id or "live", got ""',
    ],
    ["options that are none", () => client.subscribeGlobal(1 as never), "`options` must be an object, got 1"],
  ])("%s: says what is allowed and what was given", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
