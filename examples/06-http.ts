/**
 * An agent watched over HTTP: the endpoint on a server of Node, an `EventSource` as a browser has it, and what a client
 * without leave gets. The same handler goes into Hono, Express, Next.js, Bun or Deno.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventSource } from "eventsource";
import { type BusEvent, EventBus } from "spanbus";
import { createHandler } from "spanbus/http";
import { dispatch } from "./agent.js";
import { chooseModel } from "./model.js";
import { outline } from "./outline.js";

const bus = new EventBus();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

// Who may read what is asked of every request. Here: the list for everybody, of the runs only run-A.
const handler = createHandler(bus, {
  basePath: "/spanbus",
  authorize: (_request, { scope, runId }) => (scope === "run" ? runId === "run-A" : scope === "runs"),
});
const server = createServer(getRequestListener(handler)).listen(0, "127.0.0.1");
await once(server, "listening");
const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/spanbus`;

const { model } = await chooseModel();
const agents = [
  bus.run("run-A", () => dispatch(model, { from: "Berlin", to: "Rome" })),
  bus.run("run-B", () => dispatch(model, { from: "Berlin", to: "Kraków" })),
];
const lastId = await watch("run-A");
await Promise.all(agents);
// A run is over a moment later than its function: streaming SDKs end their spans behind it.
await bus.subscribe("run-B", { after: "live" }).next();

const { runs } = await readJson<{ runs: { runId: string; outcome?: string }[] }>(`${address}/runs`);
const list = runs.map(({ runId, outcome }) => `${runId} ${outcome}`).sort();
console.log(`\n/runs: ${list.join(", ")}`);

const again = await fetch(`${address}/runs/run-A/events`, { headers: { "Last-Event-ID": lastId } });
console.log(`run-A again, behind its end: ${again.status}, ${again.headers.get("spanbus-outcome")}`);

const refused = await fetch(`${address}/runs/run-B/events`);
const { title } = (await refused.json()) as { title: string };
console.log(`run-B, without leave: ${refused.status} ${title}`);

server.closeAllConnections();
server.close();

/** Prints a run until it is over. Gives the id of its end. */
function watch(runId: string): Promise<string> {
  const lineOf = outline();
  const print = (line: string): void => console.log(`${runId} │ ${line}`);
  const source = new EventSource(`${address}/runs/${encodeURIComponent(runId)}/events?wait`);
  source.onmessage = ({ data }) => print(lineOf(JSON.parse(data) as BusEvent));
  source.addEventListener("caught-up", () => print("── that was kept, now live"));
  return new Promise((resolve) => {
    source.addEventListener("end", ({ data, lastEventId }) => {
      print(`end: ${(JSON.parse(data) as { outcome: string }).outcome}`);
      // Left alone it would come back once, and be told by a 204 that there is nothing more.
      source.close();
      resolve(lastEventId);
    });
  });
}

async function readJson<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}
