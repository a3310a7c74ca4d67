import { once } from "node:events";
import type { Server } from "node:http";
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect } from "node:net";
import { createAdaptorServer, getRequestListener, type HttpBindings } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { EventBus } from "spanbus";
import { createHandler, type Handler, type HandlerOptions } from "spanbus/http";
import { describe, expect, it, vi } from "vitest";
import { publishNote, publishNotes, range } from "../bus/support.js";
import { Client, closeAfterEach, everybody, inAWord, listen, raw, serve } from "./support.js";

closeAfterEach();

function busOf(...runIds: string[]): EventBus {
  const bus = new EventBus();
  for (const runId of runIds) publishNotes(bus, runId, 1, 3);
  return bus;
}

/** The handler behind a server whose responses were in other hands before. */
function servedBehind(
  bus: EventBus,
  before: (response: ServerResponse, request: IncomingMessage) => void,
  options: Partial<HandlerOptions> = {},
): Promise<string> {
  const answer = getRequestListener(createHandler(bus, { authorize: everybody, ...options }));
  const listener: RequestListener = (request, response) => {
    before(response, request);
    void answer(request, response);
  };
  return listen(createServer(listener));
}

/** Something that happens once. */
class Signal {
  give: () => void = () => undefined;
  readonly given = new Promise<void>((resolve) => {
    this.give = resolve;
  });
}

/** Nobody reads the bus any more. */
function left(bus: EventBus): Promise<void> {
  return vi.waitFor(() => expect(bus.stats().runSubscribers).toBe(0));
}

/** It went past the `Response`: there, Node cuts it into chunks. */
const isStraight = ({ response: { headers } }: Client) => headers["transfer-encoding"] === undefined;

describe("a stream into Node's response", () => {
  it("has the headers of any other, those that the response had, and ends with its connection", async () => {
    const bus = busOf("r");
    const before = (response: ServerResponse) =>
      response.setHeader("X-Frame-Options", "DENY").setHeader("Vary", "Cookie").setHeader("Cache-Control", "public");
    const url = await servedBehind(bus, before, { cors: ["https://app.example"] });
    const client = await Client.open(`${url}/runs/r/events`, { Origin: "https://app.example" });
    expect(isStraight(client)).toBe(true);
    expect(client.response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      vary: "Origin, Cookie",
      "x-frame-options": "DENY",
      connection: "close",
    });
    bus.closeStream("r");
    expect((await client.toEnd()).map(inAWord)).toEqual([1, 2, 3, "caught-up", "end"]);
  });

  it("says that its connection closes also to a client that would keep it, and closes it", async () => {
    const bus = busOf("r");
    const agent = new Agent({ keepAlive: true });
    const sent = get(`${await serve(bus)}/runs/r/events`, { agent });
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(response.headers.connection).toBe("close");
    const closed = once(response.socket, "close");
    bus.closeStream("r");
    response.resume();
    await closed;
  });

  it("leaves every other answer as it is, and its connection open", async () => {
    const url = await serve(busOf("r"));
    expect(await raw(url, "/runs/r/events", "HEAD")).toMatchObject({
      status: 200,
      type: "text/event-stream",
      body: "",
    });
    expect(await raw(url, "/runs/x/events")).toMatchObject({ status: 404, type: "application/problem+json" });
    expect((await fetch(`${url}/runs`)).headers.get("connection")).toBe("keep-alive");
  });

  it("is not given more than fits into the buffers of who does not read, and goes on when it does", async () => {
    const bus = new EventBus({ maxQueueSize: 100_000, historyPerRun: 1 });
    const text = "x".repeat(8000);
    const note = (n: number) => bus.publish({ runId: "r", type: "note", data: { n, text } });
    note(0);
    const client = await Client.open(`${await serve(bus)}/runs/r/events`);
    await client.until("caught-up");
    let published = 0;
    // What the sockets of both sides hold is the system's choice: it is full when two rounds change nothing.
    for (let waiting = [-1, 0]; waiting.at(-1) !== waiting.at(-2) || published < 1000; ) {
      for (const n of range(published + 1, published + 500)) note(n);
      published += 500;
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      waiting = [...waiting, published - bus.stats().queuedEvents];
    }
    expect(bus.stats().queuedEvents).toBeGreaterThan(400);
    const events = await client.events(published);
    expect(events.map(({ data }) => (data as unknown as { n: number }).n)).toEqual(range(1, published));
    expect(bus.stats()).toMatchObject({ dropped: 0, queuedEvents: 0 });
  });

  it("is not begun for a client that left while it was asked who may read", async () => {
    const bus = busOf("r");
    const [asked, permitted, gone] = [new Signal(), new Signal(), new Signal()];
    const url = await servedBehind(bus, (response) => response.on("close", () => gone.give()), {
      authorize: async () => {
        asked.give();
        await permitted.given;
        return true;
      },
      maxConnections: 1,
    });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write("GET /runs/r/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await asked.given;
    socket.destroy();
    await gone.given;
    permitted.give();
    await left(bus);
    expect((await Client.open(`${url}/runs/r/events`)).status, "its place is free").toBe(200);
  });

  it("is not begun where somebody else answered while it was asked who may read", async () => {
    const bus = busOf("r");
    const [asked, permitted] = [new Signal(), new Signal()];
    const errors: unknown[] = [];
    const answer = getRequestListener(
      createHandler(bus, {
        authorize: async () => {
          asked.give();
          await permitted.given;
          return true;
        },
        maxConnections: 1,
        onError: (error) => errors.push(error),
      }),
    );
    let answered: unknown;
    const url = await listen(
      createServer((request, response) => {
        answered ??= answer(request, response);
        void asked.given.then(() => !response.headersSent && response.writeHead(504).end("too late"));
      }),
    );
    expect(await raw(url, "/runs/r/events")).toMatchObject({ status: 504, body: "too late" });
    permitted.give();
    await answered;
    expect([bus.stats().runSubscribers, errors]).toEqual([0, []]);
  });

  it.each(["destroyed", "ended"] as const)(
    "is left when its response is %s by others, be it amid a frame",
    async (how) => {
      const bus = busOf("r");
      const errors: unknown[] = [];
      let response: ServerResponse | undefined;
      const url = await servedBehind(
        bus,
        (given) => {
          response = given;
        },
        { onError: (error) => errors.push(error) },
      );
      const client = await Client.open(`${url}/runs/r/events`);
      await client.until("caught-up");
      bus.publish({ runId: "r", type: "note", data: { text: "x".repeat(8000) } });
      if (how === "destroyed") response?.socket?.destroy();
      else response?.end();
      publishNotes(bus, "r", 4, 5);
      await left(bus);
      expect(errors).toEqual([]);
    },
  );

  it("is cut when writing fails, and its reader is released", async () => {
    const bus = busOf("r");
    let writes = 0;
    const url = await servedBehind(bus, (response) => {
      const write = response.write.bind(response) as ServerResponse["write"];
      response.write = ((bytes: Uint8Array) => {
        writes += 1;
        if (writes > 1) throw new Error("the wrapper is broken");
        return write(bytes);
      }) as ServerResponse["write"];
    });
    const client = await Client.open(`${url}/runs/r/events`);
    await client.until("caught-up");
    publishNote(bus, "r", 4);
    await left(bus);
    await expect(client.toEnd().then((messages) => messages.map(inAWord))).resolves.toEqual([]);
  });

  it("whose head cannot be written is a problem, and has no reader", async () => {
    const bus = busOf("r");
    const errors: unknown[] = [];
    const url = await servedBehind(
      bus,
      (response) => {
        const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => ServerResponse;
        response.writeHead = ((status: number, ...rest: unknown[]) => {
          if (status === 200) throw new Error("the wrapper is broken");
          return writeHead(status, ...rest);
        }) as ServerResponse["writeHead"];
      },
      { onError: (error) => errors.push(error) },
    );
    expect(await raw(url, "/runs/r/events")).toMatchObject({ status: 500, type: "application/problem+json" });
    expect(errors.map(String)).toEqual(["Error: the wrapper is broken"]);
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("waits behind an answer to the same client that is not there yet, and on the bus meanwhile", async () => {
    const bus = busOf("r");
    const [asked, permitted] = [new Signal(), new Signal()];
    const url = await serve(bus, {
      authorize: async (_, { scope }) => {
        if (scope === "run") return true;
        asked.give();
        await permitted.given;
        return true;
      },
    });
    const socket = connect(Number(new URL(url).port), "127.0.0.1").setEncoding("utf8");
    const head = "HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write(`GET /stats ${head}GET /runs/r/events ${head}`);
    await asked.given;
    await vi.waitFor(() => expect(bus.stats().runSubscribers).toBe(1));
    for (const n of range(4, 100)) bus.publish({ runId: "r", type: "note", data: { n, text: "x".repeat(8000) } });
    bus.closeStream("r");
    await new Promise((resolve) => setImmediate(resolve));
    expect(bus.stats().queuedEvents).toBeGreaterThan(80);
    permitted.give();
    let text = "";
    for await (const part of socket) text += part;
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
    expect([...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))).toEqual(range(1, 100));
    expect(text).toContain("event: end");
  });

  it("is left when its client goes before those in front of it are answered", async () => {
    const bus = busOf("r", "s");
    const url = await serve(bus, { maxConnections: 2 });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const head = "HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write(`GET /runs/r/events ${head}GET /runs/s/events ${head}`);
    await vi.waitFor(() => expect(bus.stats().runSubscribers).toBe(2));
    socket.destroy();
    await left(bus);
    expect((await Client.open(`${url}/runs/r/events`)).status, "its place is free").toBe(200);
  });

  it("beats while nothing comes", async () => {
    const client = await Client.open(`${await serve(busOf("r"), { heartbeatMillis: 20 })}/runs/r/events`);
    expect([await client.comment(), await client.comment()]).toEqual(["heartbeat", "heartbeat"]);
  });
});

describe("over HTTP/2", () => {
  async function requested(bus: EventBus, options: Partial<HandlerOptions> = {}) {
    const handler = createHandler(bus, { authorize: everybody, ...options });
    const server = createHttp2Server(getRequestListener(handler));
    const session = connectHttp2(await listen(server as unknown as Server));
    return { server, session, stream: session.request({ ":path": "/runs/r/events" }) };
  }

  async function opened(bus: EventBus) {
    const { session, stream } = await requested(bus);
    const [headers] = await once(stream, "response");
    return { session, stream: stream.setEncoding("utf8"), headers };
  }

  it("a stream is read to its end, beside others on its connection", async () => {
    const bus = busOf("r", "s");
    const { session, stream, headers } = await opened(bus);
    expect(headers[":status"]).toBe(200);
    expect(headers["content-type"]).toBe("text/event-stream");
    const other = session.request({ ":path": "/runs/s/events" });
    await once(other.setEncoding("utf8"), "data");
    publishNote(bus, "r", 4);
    bus.closeStream("r");
    let text = "";
    for await (const part of stream) text += part;
    expect(text.match(/"n":\d/g)).toEqual(['"n":1', '"n":2', '"n":3', '"n":4']);
    expect(text).toContain("event: end");
    publishNote(bus, "s", 4);
    expect(String(await once(other, "data"))).toContain('"n":4');
    session.destroy();
    await left(bus);
  });

  it("a stream that its client resets is released", async () => {
    const bus = busOf("r");
    const { session, stream } = await opened(bus);
    await once(stream, "data");
    stream.on("error", () => undefined).close(8);
    await left(bus);
    session.destroy();
  });

  it("a stream is not begun for a client that left while it was asked who may read", async () => {
    const bus = busOf("r");
    const [reached, permitted, gone] = [new Signal(), new Signal(), new Signal()];
    const { server, session, stream } = await requested(bus, {
      maxConnections: 1,
      authorize: async () => {
        reached.give();
        await permitted.given;
        return true;
      },
    });
    server.on("stream", (each) => each.on("close", () => gone.give()));
    await reached.given;
    stream.on("error", () => undefined).close(8);
    await gone.given;
    permitted.give();
    const next = session.request({ ":path": "/runs/r/events" });
    expect((await once(next, "response"))[0], "its place is free").toMatchObject({ ":status": 200 });
    session.destroy();
    await left(bus);
  });
});

describe("the second argument", () => {
  it.each([
    ["nothing", undefined],
    ["what Next.js gives", { params: Promise.resolve({ path: ["runs"] }) }],
    ["bindings of an edge", { outgoing: "https://example.com", KV: {} }],
    ["what is no response", { outgoing: { write: () => true } }],
    ["a response that is gone", { outgoing: null }],
  ])("is not looked at when it is %s", async (_, env) => {
    const bus = busOf("r");
    bus.closeStream("r");
    const handler = createHandler(bus, { authorize: everybody });
    const response = await handler(new Request("http://localhost/runs/r/events"), env);
    expect(await response.text()).toContain("event: end");
  });

  it("that cannot be looked at is a problem, and no rejection", async () => {
    const handler = createHandler(busOf("r"), { authorize: everybody });
    const env = {
      get outgoing(): unknown {
        throw new Error("no such binding");
      },
    };
    expect((await handler(new Request("http://localhost/runs"), env)).status).toBe(500);
  });

  it("is not written into when its answer has begun", async () => {
    const bus = busOf("r");
    const handler = createHandler(bus, { authorize: everybody });
    let answered: string | undefined;
    const url = await listen(
      createServer((incoming, outgoing) => {
        outgoing.writeHead(202).flushHeaders();
        bus.closeStream("r");
        void handler(new Request("http://localhost/runs/r/events"), { incoming, outgoing })
          .then((response) => response.text())
          .then((text) => {
            answered = text;
            outgoing.end();
          });
      }),
    );
    expect(await raw(url, "/")).toMatchObject({ status: 202, body: "" });
    expect(answered).toContain("event: end");
  });
});

describe("in Hono", () => {
  const mounts = {
    "without `env`": (app: Hono<{ Bindings: HttpBindings }>, handler: Handler) =>
      app.all("/agents/*", ({ req }) => handler(req.raw)),
    "with `env`": (app: Hono<{ Bindings: HttpBindings }>, handler: Handler) =>
      app.all("/agents/*", ({ req, env }) => handler(req.raw, env)),
  };

  async function served(mount: keyof typeof mounts, bus: EventBus): Promise<Client> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    app.use(cors({ origin: "https://app.example" }), compress({ threshold: 0 }));
    mounts[mount](app, createHandler(bus, { authorize: everybody, basePath: "/agents" }));
    const url = await listen(createAdaptorServer(app) as Server);
    const headers = { Origin: "https://app.example", "Accept-Encoding": "gzip" };
    const client = await Client.open(`${url}/agents/runs/r/events`, headers);
    expect((await client.until("caught-up")).map(inAWord)).toEqual([1, 2, 3]);
    return client;
  }

  it("a stream is a `Response` without `env`, and has what middlewares add", async () => {
    const client = await served("without `env`", busOf("r"));
    expect(isStraight(client)).toBe(false);
    expect(client.response.headers["access-control-allow-origin"]).toBe("https://app.example");
  });

  it("a stream goes straight with `env`, past the middlewares, and is released when it is cut", async () => {
    const bus = busOf("r");
    const client = await served("with `env`", bus);
    expect(isStraight(client)).toBe(true);
    expect(client.response.headers["access-control-allow-origin"]).toBeUndefined();
    publishNote(bus, "r", 4);
    expect((await client.events(1)).map(({ seq }) => seq)).toEqual([4]);
    client.cut();
    await left(bus);
  });

  it("a handler that is mounted is given `env`, too", async () => {
    const app = new Hono().mount("/agents", createHandler(busOf("r"), { authorize: everybody }));
    const client = await Client.open(`${await listen(createAdaptorServer(app) as Server)}/agents/runs/r/events`);
    expect(isStraight(client)).toBe(true);
    expect((await client.until("caught-up")).map(inAWord)).toEqual([1, 2, 3]);
  });
});

it("in Express a stream goes straight, and an adapter that leaves the globals alone knows it as well", async () => {
  const bus = busOf("r");
  const handler = createHandler(bus, { authorize: everybody });
  const listener = getRequestListener(handler, { overrideGlobalObjects: false });
  const client = await Client.open(
    `${await listen(createServer(express().use("/agents", listener)))}/agents/runs/r/events`,
  );
  expect(isStraight(client)).toBe(true);
  bus.closeStream("r");
  expect((await client.toEnd()).map(inAWord)).toEqual([1, 2, 3, "caught-up", "end"]);
});
