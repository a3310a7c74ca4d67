import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { EventBus } from "spanbus";
import { createHandler } from "spanbus/http";
import { describe, expect, it } from "vitest";
import { publishNotes } from "../bus/support.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";
import { Client, closeAfterEach, everybody, inAWord, serve } from "./support.js";

closeAfterEach();

const seeds = [FIXED_SEED, freshSeed];
const turn = () => new Promise((resolve) => setImmediate(resolve));

function busOf(...runIds: string[]): EventBus {
  const bus = new EventBus();
  for (const runId of runIds) publishNotes(bus, runId, 1, 3);
  return bus;
}

/** Waits until so many readers are attached to the bus. */
async function attached(bus: EventBus, readers: number): Promise<void> {
  while (bus.stats().runSubscribers + bus.stats().globalSubscribers !== readers) await turn();
}

/** A socket to the server. That the other side resets it is its own matter. */
async function socketTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

/** Sends these bytes; gives what came back until the server closed, or until `enough` of it was there. */
async function said(url: string, bytes: string | Uint8Array, enough = /(?!)/): Promise<string> {
  const socket = await socketTo(url);
  socket.write(bytes);
  let answer = "";
  for await (const chunk of socket) {
    answer += chunk;
    if (enough.test(answer)) break;
  }
  socket.destroy();
  return answer;
}

// ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

const someText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "r",
    "live",
    "true",
    "0",
    "1",
    "-1",
    "1e9",
    "a.1",
    "a.9999999999999999",
    "note",
    "agent.*",
    "*",
    ".",
    "..",
    "__proto__",
    "constructor",
    "x".repeat(300),
    "null",
    "\u202e",
    "\ufeff",
    "%",
    "%00",
    "%2e%2e",
    "\\..\\",
  ),
);
const segment = fc.oneof(
  fc.constantFrom(
    "runs",
    "events",
    "stats",
    "r",
    "",
    ".",
    "..",
    "%2e%2e",
    "%00",
    "%zz",
    "%ff",
    "a%2Fb",
    "%2F%2Fevil.example",
    "metrics",
    "index.html",
    "\\",
    ";x=1",
    "runs%3f",
  ),
  someText.map((text) => encodeURIComponent(text)),
);
const paths = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join("/")}`);
const known = fc.constantFrom("/", "/runs", "/runs/r", "/runs/r/events", "/events", "/stats", "/events?run=r");
const parameters = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom("run", "after", "types", "wait", "limit", "AFTER", "run[]"), someText), someText),
  { maxLength: 6 },
);
const asciiValue = fc.string({ unit: "grapheme-ascii", maxLength: 40 });
const headers = fc.array(
  fc.tuple(
    fc.constantFrom(
      "last-event-id",
      "if-none-match",
      "if-modified-since",
      "range",
      "accept",
      "accept-encoding",
      "origin",
      "access-control-request-headers",
      "content-type",
      "x-http-method-override",
      "x-forwarded-host",
      "forwarded",
      "cookie",
      "te",
    ),
    fc.oneof(
      asciiValue,
      fc.constantFrom("*", '"abc"', "bytes=0-1", "gzip", "null", "a.1", "a.9999999999999999", "1", "x".repeat(5000)),
    ),
  ),
  { maxLength: 5 },
);
const methods = fc.constantFrom("GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "DELETE", "PATCH", "get", "QUERY");

const requests = fc.record({ path: fc.oneof(known, paths), parameters, headers, method: methods }).map((asked) => {
  const query = new URLSearchParams(
    asked.parameters.map(([name, value]): [string, string] => [name, value]),
  ).toString();
  const url = `http://localhost${asked.path}${query === "" ? "" : `${asked.path.includes("?") ? "&" : "?"}${query}`}`;
  return { url, method: asked.method, headers: asked.headers };
});

const answers = [200, 204, 400, 404, 405, 414];

describe("a request of any kind", () => {
  it.each(seeds)(
    "is answered with what the protocol has, told to nobody as an error, and leaves no reader (seed %i)",
    async (seed) => {
      const bus = busOf("r", "a/b");
      const errors: unknown[] = [];
      const handler = createHandler(bus, { authorize: everybody, onError: (error) => errors.push(error), cors: "*" });
      const property = fc.asyncProperty(requests, async ({ url, method, headers: given }) => {
        const response = await handler(
          new Request(url, { method, headers: given.map(([name, value]): [string, string] => [name, value]) }),
        );
        expect(answers).toContain(response.status);
        expect(errors).toEqual([]);
        const type = response.headers.get("content-type");
        const isStream = type === "text/event-stream";
        expect(response.headers.get("cache-control")).toBe(isStream ? "no-store, no-transform" : "no-store");
        expect(response.headers.get("x-content-type-options")).toBe("nosniff");
        if (response.status >= 400 && method !== "HEAD") {
          const problem = (await response.json()) as { status: number; detail: string };
          expect([type, problem.status]).toEqual(["application/problem+json", response.status]);
          expect(problem.detail.length).toBeLessThan(2000);
        } else if (isStream) {
          await response.body?.cancel();
        } else {
          const text = await response.text();
          if (method === "HEAD") expect(text).toBe("");
          else if (type === "application/json") expect(typeof JSON.parse(text)).toBe("object");
        }
        await turn();
        expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
      });
      await fc.assert(property, { seed, numRuns: 500 });
    },
  );

  it("that says things twice is taken by the first, and one that contradicts itself is not met", async () => {
    const bus = busOf("r");
    const ask = async (path: string) =>
      (await createHandler(bus, { authorize: everybody })(new Request(`http://localhost${path}`))).status;
    expect(await ask("/runs/r?limit=1&limit=0")).toBe(200);
    expect(await ask("/runs/r?limit=0&limit=1")).toBe(400);
    expect(await ask("/events?run=r&after=a.1")).toBe(400);
    expect(await ask("/events?run=r&run=unknown")).toBe(404);
  });
});

describe("bytes that are no request, or more than one", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "GET /runs HTTP/1.1",
      "GET /runs/r/events HTTP/1.1",
      "GET http://evil.example/runs HTTP/1.1",
      "GET //evil.example/runs HTTP/1.1",
      "GET /runs/../../etc/passwd HTTP/1.1",
      "GET \\..\\..\\ HTTP/1.1",
      "GET * HTTP/1.1",
      "OPTIONS * HTTP/1.1",
      "CONNECT evil.example:443 HTTP/1.1",
      "GET /runs HTTP/9.9",
      "PRI * HTTP/2.0",
      "GET /runs/%00 HTTP/1.0",
      "POST /runs HTTP/1.1",
    ),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  const header = fc.oneof(
    fc.constantFrom(
      "Host: localhost",
      "Host: a b",
      "Host: [::1",
      "Host: evil.example@localhost",
      "Host:",
      "Content-Length: 5",
      "Content-Length: -1",
      "Transfer-Encoding: chunked",
      "Transfer-Encoding: gzip, chunked",
      "Connection: upgrade",
      "Upgrade: websocket",
      "Expect: 100-continue",
      "Expect: nonsense",
      "Last-Event-ID: a.1",
      "Last-Event-ID: \u00ff\u00fe",
      "Connection: close",
    ),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  const messages = fc
    .tuple(
      line,
      fc.array(header, { maxLength: 6 }),
      fc.constantFrom("\r\n", "\n"),
      fc.string({ unit: "binary", maxLength: 20 }),
    )
    .map(([first, more, end, body]) => `${[first, ...more].join(end)}${end}${end}${body}`);

  it.each(seeds)("are answered or cut, and others notice nothing (seed %i)", async (seed) => {
    const bus = busOf("r");
    const errors: unknown[] = [];
    const url = await serve(bus, { onError: (error) => errors.push(error) });
    const property = fc.asyncProperty(fc.array(messages, { minLength: 20, maxLength: 20 }), async (sent) => {
      const sockets = await Promise.all(sent.map(() => socketTo(url)));
      const over = sockets.map(async (socket, index) => {
        socket.write(Buffer.from(sent[index] ?? "", "latin1"));
        socket.end();
        // A stream would go on for ever: its first bytes are enough.
        for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
          expect(String(chunk)).toMatch(/^HTTP\/1\.1 [1-5]\d\d /);
          break;
        }
        socket.destroy();
      });
      await Promise.all(
        over.map((each) => each.catch((error: NodeJS.ErrnoException) => expect(error.code).toMatch(/^E/))),
      );
      expect((await fetch(`${url}/runs/r`)).status).toBe(200);
      await attached(bus, 0);
      expect(errors).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns: 8 });
  });

  it("send one answer after the other, and a stream is the last of them", async () => {
    const bus = busOf("r");
    const url = await serve(bus);
    const head = "HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const answer = await said(url, `GET /runs ${head}GET /runs/r/events ${head}GET /stats ${head}`, /caught-up/);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200"]);
    await attached(bus, 0);
  });

  it("of a body that nobody asked for are not waited for", async () => {
    const bus = busOf("r");
    const answer = await said(
      await serve(bus),
      "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx",
      /405/,
    );
    expect(answer).toContain("405 Method Not Allowed");
  });

  it.each([
    ["five thousand headers", "X-Header: x\r\n".repeat(5000)],
    ["one header of a megabyte", `X-Header: ${"x".repeat(1024 * 1024)}\r\n`],
    ["a cursor of a megabyte", `Last-Event-ID: ${"1".repeat(1024 * 1024)}\r\n`],
  ])("are cut short: %s", async (_, flood) => {
    const bus = busOf("r");
    const url = await serve(bus);
    const answer = await said(url, `GET /runs/r/events HTTP/1.1\r\nHost: localhost\r\n${flood}\r\n`, /\r\n\r\n/);
    expect(answer === "" || answer.startsWith("HTTP/1.1 431")).toBe(true);
    expect(bus.stats().runSubscribers).toBe(0);
    expect((await fetch(`${url}/runs`)).status).toBe(200);
  });
});

describe("a client that", () => {
  it("begins a request a byte at a time, 300 times over, hinders nobody and reads nothing", async () => {
    const bus = busOf("r");
    const url = await serve(bus, { maxConnections: 2 });
    const slow = await Promise.all(Array.from({ length: 300 }, () => socketTo(url)));
    for (const byte of "GET /runs/r/events HTTP/1.1\r\nHost: ") for (const socket of slow) socket.write(byte);
    const reader = await Client.open(`${url}/runs/r/events`);
    expect((await reader.until("caught-up")).map(inAWord)).toEqual([1, 2, 3]);
    publishNotes(bus, "r", 4);
    expect((await reader.events(1)).map(({ seq }) => seq)).toEqual([4]);
    expect(bus.stats().runSubscribers).toBe(1);
    for (const socket of slow) socket.destroy();
  });

  it("closes its half of the connection behind the request is let go by the server, and by the bus", async () => {
    const bus = busOf("r");
    const socket = await socketTo(await serve(bus));
    socket.end("GET /runs/r/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).not.toContain("event: end");
    await attached(bus, 0);
  });

  it("connects and resets, 1000 times at any moment, leaves nothing behind", { timeout: 60_000 }, async () => {
    const bus = busOf("r");
    const url = await serve(bus, { maxConnections: 100 });
    const request = "GET /runs/r/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (let round = 0; round < 10; round += 1) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => socketTo(url)));
      await Promise.all(
        sockets.map(async (socket, index) => {
          socket.write(request.slice(0, index % 4 === 0 ? index : undefined));
          if (index % 4 === 1) await once(socket, "data");
          for (let turns = index % 7; turns > 0; turns -= 1) await turn();
          socket.resetAndDestroy();
        }),
      );
      publishNotes(bus, "r", 4);
    }
    await attached(bus, 0);
    // Every place is free again.
    const clients = await Promise.all(Array.from({ length: 100 }, () => Client.open(`${url}/runs/r/events`)));
    expect(new Set(clients.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
