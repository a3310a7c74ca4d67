import { EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes } from "../bus/support.js";
import { asker, Client, closeAfterEach, raw, serve } from "./support.js";

closeAfterEach();

function busOf(...runIds: string[]): EventBus {
  const bus = new EventBus();
  for (const runId of runIds) publishNotes(bus, runId, 1, 3);
  return bus;
}

const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("GET /runs", () => {
  it("lists the runs, newest activity first", async () => {
    const bus = busOf("a", "b");
    const response = await asker(bus)("/runs");
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await json(response)).toEqual({ runs: JSON.parse(JSON.stringify(bus.runs())) });
  });
});

describe("GET /runs/:id", () => {
  const events = async (response: Response) =>
    ((await json(response))["events"] as { data: { n: number } }[]).map(({ data }) => data.n);

  it("is what is kept of the run, and how it stands", async () => {
    const bus = busOf("r");
    const ask = asker(bus);
    const { generation } = bus.runs()[0] ?? {};
    expect(await json(await ask("/runs/r"))).toEqual({
      runId: "r",
      generation,
      state: "open",
      events: JSON.parse(JSON.stringify(bus.history("r"))),
    });
    bus.closeStream("r", "failed");
    expect(await json(await ask("/runs/r"))).toMatchObject({ state: "closed", outcome: "failed" });
  });

  it("goes on behind `after`, and is cut by `limit`", async () => {
    const bus = busOf("r");
    const ask = asker(bus);
    const [first] = bus.history("r");
    expect(await events(await ask("/runs/r?limit=2"))).toEqual([2, 3]);
    expect(await events(await ask(`/runs/r?after=${first?.id}`))).toEqual([2, 3]);
    expect(await events(await ask(`/runs/r?after=${first?.id}&limit=1`))).toEqual([2]);
    expect(await events(await ask("/runs/r?after=live"))).toEqual([]);
  });

  it("has only the types asked for, which is what the limit counts", async () => {
    const bus = busOf("r");
    publishNote(bus, "r", 4, "other.kind");
    publishNote(bus, "r", 5);
    const ask = asker(bus);
    expect(await events(await ask("/runs/r?types=other.*"))).toEqual([4]);
    expect(await events(await ask("/runs/r?types=note&limit=2"))).toEqual([3, 5]);
  });
});

describe("GET /stats", () => {
  it("has the figures, and no id of a run", async () => {
    const response = await asker(busOf("secret-run"))("/stats");
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ published: 3, activeRuns: 1 });
    expect(text).not.toContain("secret-run");
  });
});

describe("GET /", () => {
  it("is a page that can run nothing but its own", async () => {
    const response = await asker(busOf())("/");
    const body = await response.text();
    const policy = response.headers.get("content-security-policy") ?? "";
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? "no nonce";
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(body).toContain(`nonce="${nonce}"`);
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect((await (await asker(busOf())("/")).text()).includes(nonce), "a nonce is used once").toBe(false);
  });

  it("is not there with `page: false`", async () => {
    expect((await asker(busOf(), { page: false })("/")).status).toBe(404);
  });
});

describe("a run id in a path", () => {
  it.each(["a/b", "a b", "日本", "100%", "a?b#c", "..%2f", "é", "runs", "events", "x".repeat(256), "+", "a%2Fb"])(
    "may be %j",
    async (runId) => {
      const url = await serve(busOf(runId));
      const path = `/runs/${encodeURIComponent(runId)}`;
      expect(JSON.parse((await raw(url, path)).body)).toMatchObject({ runId });
      const client = await Client.open(`${url}${path}/events`);
      expect(await client.until("caught-up")).toHaveLength(3);
      const shared = await Client.open(`${url}/events?${new URLSearchParams({ run: runId })}`);
      expect(await shared.until("caught-up")).toHaveLength(3);
    },
  );

  it("that a path cannot hold may be named in the query", async () => {
    const client = await Client.open(`${await serve(busOf(".."))}/events?run=..`);
    expect(await client.until("caught-up")).toHaveLength(3);
  });
});

describe("a request that cannot be met gets a problem, never a stack:", () => {
  it.each([
    ["a path that leads nowhere", "/nothing", 404],
    ["a path below a known one", "/stats/more", 404],
    ["a path below a stream", "/runs/r/events/more", 404],
    ["two slashes at the beginning", "//runs", 404],
    ["two slashes at the end", "/runs//", 400],
    ["two slashes where the id should be", "/runs//events", 400],
    ["an unknown run", "/runs/unknown", 404],
    ["the stream of an unknown run", "/runs/unknown/events", 404],
    ["a path up and out of a run", "/runs/../nothing", 404],
    ["an encoded path up and out of a run", "/runs/%2e%2e/%2e%2e/etc", 404],
    ["an id that is cut off", "/runs/%E6%97", 400],
    ["an id that is no encoding", "/runs/%zz/events", 400],
    ["a lone surrogate", "/runs/%ED%A0%80", 400],
    ["a control character", "/runs/a%00b/events", 400],
    ["an id of 257 characters", `/runs/${"x".repeat(257)}`, 400],
    ["an empty id in the query", "/events?run=", 400],
    ["101 runs in one stream", `/events?${Array.from({ length: 101 }, (_, n) => `run=${n}`).join("&")}`, 400],
    ["a query of 8193 characters", `/runs/r?${"x".repeat(8193)}`, 414],
    ["a query of 10 kB", `/runs/r/events?types=${"x".repeat(10_240)}`, 414],
    ["a query of 10 kB on the list", `/runs?${"x".repeat(10_240)}`, 414],
    ["a cursor that is none", "/runs/r/events?after=1;2", 400],
    ["an empty cursor", "/runs/r/events?after=", 400],
    ["a cursor with a seq beyond all numbers", "/runs/r/events?after=a.99999999999999999999", 400],
    ["a cursor on a stream of all runs", "/events?after=a.1", 400],
    ["a cursor on a stream of several runs", "/events?run=r&after=a.1", 400],
    ["a limit of nothing", "/runs/r?limit=0", 400],
    ["a limit that is no number", "/runs/r?limit=1e3", 400],
    ["a limit below nothing", "/runs/r?limit=-1", 400],
    ["types that are none", "/runs/r/events?types=", 400],
    ["a star in the middle of a type", "/events?types=a.*.b", 400],
    ["a star in the middle of a type, on a history", "/runs/r?types=*", 400],
    ["a wait that is neither", "/runs/r/events?wait=5", 400],
  ])("%s", async (_, path, status) => {
    const answer = await raw(await serve(busOf("r")), path);
    expect([answer.status, answer.type]).toEqual([status, "application/problem+json"]);
    expect(JSON.parse(answer.body)).toEqual({
      type: "about:blank",
      title: expect.stringMatching(/^[A-Z]/),
      status,
      detail: expect.stringMatching(/./),
    });
    expect(answer.body).not.toMatch(/\.[jt]s:\d|\\n/);
  });

  it("but not a query of 8192 characters, the longest there may be", async () => {
    expect((await asker(busOf("r"))(`/runs/r?${"x".repeat(8192)}`)).status).toBe(200);
  });

  it.each(["not an id", "live", "a.1\tb", "ü.1", "x".repeat(5000)])("the Last-Event-ID %j", async (id) => {
    const bus = busOf("r");
    const client = await Client.open(`${await serve(bus)}/runs/r/events`, { "Last-Event-ID": id });
    expect(client.status).toBe(400);
    expect(client.response.headers["content-type"]).toBe("application/problem+json");
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "QUERY", "PROPFIND"])("the method %s", async (method) => {
    const answer = await asker(busOf("r"))("/runs/r/events", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });
});

describe("a bus that was shut down", () => {
  async function shutDown(): Promise<EventBus> {
    const bus = busOf("open", "closed");
    bus.closeStream("closed", "completed");
    await bus.shutdown();
    return bus;
  }

  it.each([
    "/events",
    "/runs/open/events",
    "/runs/open/events?wait",
    "/runs/later/events?wait",
    "/events?run=open",
    "/events?run=closed&run=open",
    "/events?run=later&wait",
  ])("answers %s with 503 and when to come back", async (path) => {
    const bus = await shutDown();
    for (const method of ["GET", "HEAD"]) {
      const answer = await asker(bus)(path, { method });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
      expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    }
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("still shows what it has, and what had ended", async () => {
    const ask = asker(await shutDown());
    for (const path of ["/runs", "/runs/open", "/runs/closed", "/stats"]) expect((await ask(path)).status).toBe(200);
    for (const path of ["/runs/closed/events", "/events?run=closed"])
      expect(await (await ask(path)).text()).toContain("event: end");
    expect((await ask("/runs/later/events")).status).toBe(404);
  });
});

describe("HEAD", () => {
  it.each(["/", "/runs", "/runs/r", "/stats", "/runs/r/events", "/events", "/events?run=r"])(
    "of %s is the head of GET, without a reader",
    async (path) => {
      const bus = busOf("r");
      const ask = asker(bus);
      const head = await ask(path, { method: "HEAD" });
      expect(head.body).toBeNull();
      const { runSubscribers, globalSubscribers } = bus.stats();
      expect([runSubscribers, globalSubscribers]).toEqual([0, 0]);
      const got = await ask(path);
      expect(head.status).toBe(got.status);
      const headers = (response: Response) =>
        [...response.headers].filter(([name]) => name !== "content-security-policy");
      expect(headers(head)).toEqual(headers(got));
      await got.body?.cancel();
    },
  );

  it("of a stream answers over a socket and leaves no reader", async () => {
    const bus = busOf("r");
    const answer = await raw(await serve(bus), "/runs/r/events", "HEAD");
    expect(answer).toEqual({ status: 200, type: "text/event-stream", body: "" });
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("of what is not there is 404 without a body", async () => {
    expect(await raw(await serve(busOf()), "/runs/unknown/events", "HEAD")).toMatchObject({ status: 404, body: "" });
  });
});

describe("OPTIONS", () => {
  it("says what is allowed, and asks nobody", async () => {
    const answer = await asker(busOf(), { authorize: () => false })("/runs/r/events", { method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("pages of other origins", () => {
  const from = (origin: string, method = "GET") => ({ method, headers: { Origin: origin } });
  const allowed = (response: Response) => response.headers.get("access-control-allow-origin");

  it("read nothing by default", async () => {
    expect(allowed(await asker(busOf())("/runs", from("https://app.example")))).toBeNull();
  });

  it("read, with credentials, where they are listed", async () => {
    const ask = asker(busOf(), { cors: ["https://app.example"] });
    const response = await ask("/runs", from("https://app.example"));
    expect(allowed(response)).toBe("https://app.example");
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    expect(response.headers.get("vary")).toBe("Origin");
    const other = await ask("/runs", from("https://app.example.evil"));
    expect(allowed(other)).toBeNull();
    expect(other.headers.get("vary")).toBe("Origin");
  });

  it.each(["capacitor://localhost", "chrome-extension://abcdefgh", "http://localhost:8080", "http://[::1]:3000"])(
    "may be of %s, as a browser names it",
    async (origin) => {
      const ask = asker(busOf(), { cors: [origin] });
      expect(allowed(await ask("/runs", from(origin)))).toBe(origin);
    },
  );

  it("are told so before they ask, and told of problems", async () => {
    const ask = asker(busOf(), { cors: "*", authorize: () => false });
    const preflight = await ask("/runs/r/events", from("https://app.example", "OPTIONS"));
    expect(preflight.status).toBe(204);
    expect(allowed(preflight)).toBe("*");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();
    expect(preflight.headers.get("access-control-allow-headers")).toContain("Last-Event-ID");
    const refused = await ask("/runs", from("https://app.example"));
    expect([refused.status, allowed(refused)]).toEqual([403, "*"]);
  });

  const asks = (headers: string, origin = "https://app.example") => ({
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Headers": headers },
  });
  const headersAllowed = (response: Response) =>
    response.headers.get("access-control-allow-headers")?.toLowerCase().split(", ");

  it("may send any header by which they are known", async () => {
    const ask = asker(busOf(), { cors: ["https://app.example"] });
    const preflight = await ask("/runs", asks("x-api-key,x-team"));
    expect(headersAllowed(preflight)).toEqual(["authorization", "cache-control", "last-event-id", "x-api-key,x-team"]);
    expect(preflight.headers.get("vary")).toBe("Origin, Access-Control-Request-Headers");
    expect(headersAllowed(await ask("/runs", asks("x-api-key", "https://other.example")))).toBeUndefined();
  });

  it.each(["x api", "x-a,", "x: y", "<x>"])("may not send %j, which is no header", async (asked) => {
    const preflight = await asker(busOf(), { cors: "*" })("/runs", asks(asked));
    expect(headersAllowed(preflight)).toEqual(["authorization", "cache-control", "last-event-id"]);
  });

  it("are told what the owner answers, which stays as it was", async () => {
    const redirect = Response.redirect("https://login.example/", 303);
    const init = from("https://app.example");
    const answer = await asker(busOf(), { cors: ["https://app.example"], authorize: () => redirect })("/runs", init);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "https://login.example/"]);
    expect(allowed(answer)).toBe("https://app.example");
    expect(allowed(redirect)).toBeNull();
    const refusal = new Response("who are you?", { status: 401, headers: { Vary: "Cookie" } });
    const told = await asker(busOf(), { cors: ["https://app.example"], authorize: () => refusal })("/runs", init);
    expect([told.status, await told.text(), told.headers.get("vary")]).toEqual([401, "who are you?", "Cookie, Origin"]);
    expect(await asker(busOf(), { authorize: () => redirect })("/runs", init), "without `cors`").toBe(redirect);
    const again = await asker(busOf(), { cors: ["https://app.example"], authorize: () => refusal })("/runs", init);
    expect(await again.text(), "one answer for all").toBe("who are you?");
  });
});

describe("basePath", () => {
  it.each(["/spanbus", "/spanbus/"])("%s is where everything is, and nothing else", async (basePath) => {
    const ask = asker(busOf("r"), { basePath });
    const status = async (path: string) => (await ask(path, { method: "HEAD" })).status;
    for (const path of ["/spanbus", "/spanbus/", "/spanbus/runs", "/spanbus/runs/", "/spanbus/runs/r/events/"])
      expect([path, await status(path)]).toEqual([path, 200]);
    for (const path of ["/", "/runs", "/spanbusruns", "/spanbus2/runs", "/x/spanbus/runs"])
      expect([path, await status(path)]).toEqual([path, 404]);
  });

  it("is compared as addresses are written", async () => {
    expect((await asker(busOf(), { basePath: "/agent läuft" })("/agent%20l%C3%A4uft/runs")).status).toBe(200);
  });
});
