import { createServer } from "node:http";
import { createAdaptorServer, getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { EventBus } from "spanbus";
import { createHandler, type Handler } from "spanbus/http";
import { describe, expect, it, vi } from "vitest";
import { publishNote, publishNotes } from "../bus/support.js";
import { Client, closeAfterEach, everybody, inAWord, listen, raw } from "./support.js";

closeAfterEach();

/** How each kind of server takes the handler under `/spanbus`, and the base path it then needs. */
const mounts = {
  "node:http": {
    basePath: "/spanbus",
    server: (handler: Handler) => createServer(getRequestListener(handler)),
  },
  Hono: {
    basePath: "/spanbus",
    server: (handler: Handler) => {
      const app = new Hono();
      for (const path of ["/spanbus", "/spanbus/*"]) app.all(path, ({ req }) => handler(req.raw));
      return createAdaptorServer(app) as ReturnType<typeof createServer>;
    },
  },
  Express: {
    // Express takes the mount path off the address.
    basePath: "",
    server: (handler: Handler) => createServer(express().use("/spanbus", getRequestListener(handler))),
  },
} as const;

describe.each(Object.entries(mounts))("under %s", (_, { basePath, server }) => {
  async function mounted(): Promise<{ bus: EventBus; url: string }> {
    const bus = new EventBus();
    publishNotes(bus, "a/b", 1, 2);
    return { bus, url: await listen(server(createHandler(bus, { authorize: everybody, basePath }))) };
  }

  it("a run is read to its end, and its end is remembered", async () => {
    const { bus, url } = await mounted();
    const address = `${url}/spanbus/runs/a%2Fb/events`;
    const client = await Client.open(address);
    expect(client.response.headers["content-type"]).toBe("text/event-stream");
    expect((await client.until("caught-up")).map(inAWord)).toEqual([1, 2]);
    publishNote(bus, "a/b", 3);
    bus.closeStream("a/b", "completed");
    const messages = await client.toEnd();
    expect(messages.map(inAWord)).toEqual([3, "end"]);
    const back = await Client.open(address, { "Last-Event-ID": messages[1]?.id ?? "" });
    expect([back.status, back.response.headers["spanbus-outcome"]]).toEqual([204, "completed"]);
  });

  it("a client that leaves is released", async () => {
    const { bus, url } = await mounted();
    const clients = [await Client.open(`${url}/spanbus/runs/a%2Fb/events`), await Client.open(`${url}/spanbus/events`)];
    for (const client of clients) await client.until("caught-up");
    for (const client of clients) client.cut();
    await vi.waitFor(() => {
      const { runSubscribers, globalSubscribers } = bus.stats();
      expect([runSubscribers, globalSubscribers]).toEqual([0, 0]);
    });
  });

  it("the page, the documents and the problems are where they should be", async () => {
    const { url } = await mounted();
    expect(await raw(url, "/spanbus/")).toMatchObject({ status: 200, type: "text/html; charset=utf-8" });
    expect(await raw(url, "/spanbus")).toMatchObject({ status: 200, type: "text/html; charset=utf-8" });
    expect(await raw(url, "/spanbus/runs")).toMatchObject({ status: 200, type: "application/json" });
    expect(await raw(url, "/spanbus/runs/x")).toMatchObject({ status: 404, type: "application/problem+json" });
    expect(await raw(url, "/spanbus/runs", "POST")).toMatchObject({ status: 405, type: "application/problem+json" });
    expect(await raw(url, "/spanbus/events", "HEAD")).toMatchObject({ status: 200, body: "" });
  });
});
