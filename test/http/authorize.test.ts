import { runInNewContext } from "node:vm";
import { type BusEvent, EventBus } from "spanbus";
import type { Asked, Authorize } from "spanbus/http";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes, restoreAfterEach } from "../bus/support.js";
import { asker, Client, closeAfterEach, eventOf, inAWord, serve } from "./support.js";

closeAfterEach();
restoreAfterEach();

const routes = ["/", "/runs", "/runs/r", "/runs/r/events", "/events", "/events?run=r", "/stats"];

function busWithRun(): EventBus {
  const bus = new EventBus();
  publishNotes(bus, "r", 1, 4);
  return bus;
}

const yes = () => true;

const thenable = runInNewContext("({ then(settled) { settled(false) } })") as object;

const ofTenant = (tenant: string) => ({
  where: (event: BusEvent) => event.runId.startsWith(`${tenant}:`),
  runs: ({ runId }: { runId: string }) => runId.startsWith(`${tenant}:`),
});

describe("authorize", () => {
  it("is told what is asked for, once for each run", async () => {
    const asked: Asked[] = [];
    const ask = asker(busWithRun(), {
      authorize: (_, what) => {
        asked.push(what);
        return true;
      },
    });
    for (const path of [...routes, "/events?run=a&run=b&wait"]) await ask(path, { method: "HEAD" });
    const run = (runId: string) => ({ scope: "run", runId });
    expect(asked).toEqual([
      { scope: "page" },
      { scope: "runs" },
      run("r"),
      run("r"),
      { scope: "global" },
      run("r"),
      { scope: "stats" },
      run("a"),
      run("b"),
    ]);
  });

  it.each(routes)("refuses %s with 403, and nobody learns whether a run exists", async (path) => {
    const ask = asker(busWithRun(), { authorize: async () => false });
    const refused = await ask(path);
    const unknown = await ask(
      path
        .replace("r", "r")
        .replace(/\/r(?=\/|$)/, "/unknown")
        .replace("=r", "=unknown"),
    );
    expect(refused.status).toBe(403);
    expect(await refused.text()).toBe(await unknown.text());
  });

  it("refuses before it is looked at what else is wrong", async () => {
    const ask = asker(busWithRun(), { authorize: () => false });
    for (const query of ["after=x!", "limit=x", "types=*"])
      expect((await ask(`/runs/r/events?${query}`)).status).toBe(403);
  });

  it("refuses several runs for one of them", async () => {
    const bus = busWithRun();
    const ask = asker(bus, { authorize: (_, { runId }) => runId === "r" });
    expect((await ask("/events?run=r&run=other")).status).toBe(403);
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("may answer by itself", async () => {
    const ask = asker(busWithRun(), {
      authorize: () => new Response("who are you?", { status: 401, headers: { "WWW-Authenticate": "Bearer" } }),
    });
    const response = await ask("/runs");
    expect([response.status, await response.text()]).toEqual([401, "who are you?"]);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("that throws gives 500 without its text, which goes to `onError`", async () => {
    for (const authorize of [
      () => Promise.reject(new Error("secret")),
      () => {
        throw new Error("secret");
      },
    ]) {
      const errors: unknown[] = [];
      const response = await asker(busWithRun(), { authorize, onError: (error) => errors.push(error) })("/runs");
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain("secret");
      expect(errors).toMatchObject([{ message: "secret" }]);
    }
  });

  it("may throw where nobody listens, or the listener throws as well", async () => {
    const authorize = () => Promise.reject(new Error("secret"));
    const onError = () => {
      throw new Error("broken");
    };
    expect((await asker(busWithRun(), { authorize })("/runs")).status).toBe(500);
    expect((await asker(busWithRun(), { authorize, onError })("/runs")).status).toBe(500);
    const later = async () => onError();
    expect((await asker(busWithRun(), { authorize, onError: later })("/runs")).status).toBe(500);
  });

  it.each([undefined, null, 0, ""])("that returns %j refuses", async (answer) => {
    const authorize = (() => answer) as unknown as Authorize;
    expect((await asker(busWithRun(), { authorize })("/runs")).status).toBe(403);
  });

  it.each([
    ["a number", "/runs", 1],
    ["a text", "/runs", "yes"],
    ["an empty object", "/events", {}],
    ["a filter with another name", "/events", { were: yes }],
    ["a filter beside one with another name", "/events", { where: yes, wher: yes }],
    ["a filter that is none", "/events", { where: true }],
    ["a filter that is not there", "/events", { where: undefined }],
    ["a filter of events for the list of runs", "/runs", { where: yes }],
    ["a filter of runs for all events", "/events", { runs: yes }],
    ["a filter of runs for a run", "/runs/r", { runs: yes }],
    ["a function", "/events", yes],
  ])("that returns %s lets nobody in, and says so to `onError`", async (_, path, answer) => {
    const bus = busWithRun();
    const errors: unknown[] = [];
    const authorize = (() => answer) as unknown as Authorize;
    const response = await asker(bus, { authorize, onError: (error) => errors.push(error) })(path);
    expect(response.status).toBe(500);
    expect(errors).toMatchObject([{ name: "TypeError", message: expect.stringContaining("`authorize` must return") }]);
    expect(bus.stats().globalSubscribers + bus.stats().runSubscribers).toBe(0);
  });
});

describe("a filter", () => {
  it("keeps the runs of one tenant from another", async () => {
    const bus = new EventBus();
    for (const runId of ["a:1", "b:1", "a:2"]) publishNote(bus, runId, 1);
    const url = await serve(bus, { authorize: (request) => ofTenant(request.headers.get("tenant") ?? "nobody") });
    const [ofA, ofB] = [
      await Client.open(`${url}/events`, { tenant: "a" }),
      await Client.open(`${url}/events`, { tenant: "b" }),
    ];
    for (const client of [ofA, ofB]) await client.until("caught-up");
    for (const runId of ["a:3", "b:3", "a:1"]) {
      publishNote(bus, runId, 2);
      bus.closeStream(runId);
    }
    bus.closeGlobal();
    const runs = async (client: Client) =>
      (await client.toEnd()).map((message) => [eventOf(message).runId, eventOf(message).type]);
    const begun = (runId: string) => [
      [runId, "bus.run.opened"],
      [runId, "note"],
      [runId, "bus.run.closed"],
    ];
    expect(await runs(ofA)).toEqual([...begun("a:3"), ...begun("a:1").slice(1)]);
    expect(await runs(ofB)).toEqual(begun("b:3"));

    const list = async (tenant: string) => {
      const { runs } = (await (await fetch(`${url}/runs`, { headers: { tenant } })).json()) as {
        runs: { runId: string }[];
      };
      return runs.map(({ runId }) => runId).sort();
    };
    expect(await list("a")).toEqual(["a:1", "a:2", "a:3"]);
    expect(await list("b")).toEqual(["b:1", "b:3"]);
    expect(await list("nobody")).toEqual([]);
  });

  it("bounds the history, the stream and the streams of several runs", async () => {
    const bus = busWithRun();
    const even = (event: BusEvent) => (event.data as unknown as { n: number }).n % 2 === 0;
    const url = await serve(bus, { authorize: () => ({ where: even }) });
    const history = (await (await fetch(`${url}/runs/r?limit=2`)).json()) as { events: { data: unknown }[] };
    expect(history.events.map(({ data }) => data)).toEqual([{ n: 2 }, { n: 4 }]);
    const clients = [await Client.open(`${url}/runs/r/events`), await Client.open(`${url}/events?run=r`)];
    for (const client of clients) expect((await client.until("caught-up")).map(inAWord)).toEqual([2, 4]);
    publishNotes(bus, "r", 5, 6);
    for (const client of clients) expect(await client.events(1)).toMatchObject([{ data: { n: 6 } }]);
  });

  it("of one run of a stream says nothing of the others", async () => {
    const bus = new EventBus();
    for (const runId of ["a", "b"]) publishNotes(bus, runId, 1, 2);
    const authorize: Authorize = (_, { runId }) => (runId === "a" ? { where: () => false } : true);
    const client = await Client.open(`${await serve(bus, { authorize })}/events?run=a&run=b`);
    expect((await client.until("caught-up")).map((message) => eventOf(message).runId)).toEqual(["b", "b"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["is asynchronous", (async () => true) as unknown as () => boolean],
    ["fails asynchronously", (() => Promise.reject(new Error("later"))) as unknown as () => boolean],
    ["is asynchronous in another realm", runInNewContext("async () => false") as () => boolean],
    ["gives what only looks like a promise", (() => thenable) as unknown as () => boolean],
    [
      "gives a function that looks like a promise",
      (() => Object.assign(() => 1, thenable)) as unknown as () => boolean,
    ],
    ["gives what cannot even be looked at", runInNewContext("() => ({ get then() { throw 1 } })") as () => boolean],
  ])("that %s hides", async (_, filter) => {
    const bus = busWithRun();
    const errors: unknown[] = [];
    const ask = asker(bus, {
      authorize: () => ({ where: filter, runs: filter }),
      onError: (error) => errors.push(error),
    });
    expect(await (await ask("/runs")).json()).toEqual({ runs: [] });
    expect(errors).toHaveLength(1);
    expect((await ask("/runs/r")).status).toBe(404);
    expect(errors).toHaveLength(5);
    bus.closeStream("r");
    expect(await (await ask("/runs/r/events")).text()).not.toContain("note");
    expect(bus.stats().errors, "the bus counts what it asked").toBe(4);
    expect(await (await ask("/events?run=r")).text()).not.toContain("note");
    expect(errors, "on streams it is told as well").toHaveLength(13);
  });

  it("that throws at a live event is told, and the stream goes on", async () => {
    const bus = busWithRun();
    const errors: unknown[] = [];
    const where = ({ data }: BusEvent) => {
      if ((data as unknown as { n?: number }).n === 5) throw new Error("broken");
      return true;
    };
    const url = await serve(bus, { authorize: () => ({ where }), onError: (error) => errors.push(error) });
    const clients = [await Client.open(`${url}/runs/r/events`), await Client.open(`${url}/events`)];
    for (const client of clients) await client.until("caught-up");
    publishNotes(bus, "r", 5, 6);
    for (const client of clients) expect(await client.events(1)).toMatchObject([{ data: { n: 6 } }]);
    expect(errors).toMatchObject([{ message: "broken" }, { message: "broken" }]);
  });

  it("that shows nothing kept of a run makes its history that of an unknown one", async () => {
    const ask = asker(busWithRun(), { authorize: () => ofTenant("a") });
    const [hidden, unknown] = [await ask("/runs/r"), await ask("/runs/unknown")];
    expect([hidden.status, await hidden.text()]).toEqual([
      404,
      (await unknown.text()).replace('\\"unknown\\"', '\\"r\\"'),
    ]);
  });

  it("that shows something of a run leaves it known, where nothing shown is asked for", async () => {
    const even = ({ data }: BusEvent) => (data as unknown as { n: number }).n % 2 === 0;
    const bus = busWithRun();
    const ask = asker(bus, { authorize: () => ({ where: even }) });
    expect(await (await ask("/runs/r?types=other")).json()).toMatchObject({ events: [] });
    expect(await (await ask(`/runs/r?after=${bus.history("r").at(-1)?.id}`)).json()).toMatchObject({ events: [] });
  });

  it.each([{ where: yes }, { runs: yes }, { where: yes, runs: yes }])(
    "bounds no figures: %o gets 403 for them",
    async (grant) => {
      const ask = asker(busWithRun(), { authorize: () => grant });
      expect((await ask("/stats")).status).toBe(403);
      expect((await ask("/")).status, "and the page, which asks by itself").toBe(200);
    },
  );
});
