import { once } from "node:events";
import { createServer, get } from "node:http";
import { type AddressInfo, connect as connectTo } from "node:net";
import { networkInterfaces } from "node:os";
import type { BusEvent } from "spanbus";
import { connect } from "spanbus/client";
import { describe, expect, it } from "vitest";
import { Command, closeAfterEach, run } from "./support.js";

closeAfterEach();

const timeout = 60_000;

/** A demo at a free port. */
async function startDemo(): Promise<{ command: Command; url: string }> {
  const command = new Command(["demo", "--port", "0", "--speed", "20"]);
  const line = await command.line("page");
  await command.line("Ctrl-C");
  return { command, url: line.replace(/^.* /, "") };
}

/** The status of the answer to a request that claims to be for another host, as after DNS rebinding. */
function statusFor(host: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { host } }, (response) => {
      resolve(response.statusCode);
      request.destroy();
    });
    request.on("error", reject);
  });
}

describe("`spanbus demo`", { timeout }, () => {
  it("serves the page, and says where", async () => {
    const { command, url } = await startDemo();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    await page.body?.cancel();
    command.process.kill("SIGTERM");
    const { output } = await command.ended;
    expect(output).toContain(`${url}metrics`);
    expect(output).toContain(`npx spanbus tail ${url}`);
  });

  it("runs agents of every shape while they are watched", async () => {
    const { url } = await startDemo();
    const stop = new AbortController();
    const awaited = new Map<string, (event: BusEvent) => boolean>([
      ["a tool", ({ type }) => type === "agent.tool.completed"],
      ["a tool that fails", ({ type }) => type === "agent.tool.failed"],
      ["a first chunk", ({ type }) => type === "agent.model.first_chunk"],
      ["text of a stream", ({ type }) => type === "agent.model.chunk"],
      [
        "an agent as a tool",
        (event) => event.type === "agent.invocation.started" && event.data.agentName === "researcher",
      ],
      ["a handoff", (event) => event.type === "agent.handoff" && event.data.to === "editor"],
      [
        "a guardrail that objects",
        (event) => event.type === "agent.guardrail.completed" && event.data.triggered === true,
      ],
      ["a run that completes", (event) => event.type === "bus.run.closed" && event.data.outcome === "completed"],
      ["a run that fails", (event) => event.type === "bus.run.closed" && event.data.outcome === "failed"],
    ]);
    const open = new Map<string, number>();
    let mostAtOnce = 0;
    for await (const event of connect(url, { signal: stop.signal }).subscribeGlobal()) {
      for (const [what, isThis] of awaited) if (isThis(event)) awaited.delete(what);
      if (event.type === "agent.tool.started") open.set(event.runId, (open.get(event.runId) ?? 0) + 1);
      if (event.type === "agent.tool.completed") open.set(event.runId, (open.get(event.runId) ?? 0) - 1);
      mostAtOnce = Math.max(mostAtOnce, ...open.values());
      if (awaited.size === 0 && mostAtOnce >= 3) stop.abort();
    }
    expect([...awaited.keys()]).toEqual([]);
  });

  it("tells a first chunk once for each streaming call, and the tokens of each call", async () => {
    const { url } = await startDemo();
    const client = connect(url);
    const events: BusEvent[] = [];
    for await (const event of client.subscribe("writer-1")) events.push(event);
    const count = (type: string): number => events.filter((event) => event.type === type).length;
    expect(count("agent.model.completed")).toBe(1);
    expect(count("agent.model.first_chunk")).toBe(1);
    expect(events.find(({ type }) => type === "agent.model.completed")?.data).toMatchObject({
      timeToFirstChunkMillis: expect.any(Number),
      finishReason: "stop",
    });
    expect(events.find(({ type }) => type === "agent.tokens.used")?.data).toMatchObject({
      inputTokens: 96,
      outputTokens: 74,
    });
  });

  it("has metrics of the bus and of the agents for Prometheus", async () => {
    const { url } = await startDemo();
    for await (const event of connect(url).subscribe("travel-1")) expect(event.runId).toBe("travel-1");
    const metrics = await (await fetch(`${url}metrics`)).text();
    expect(metrics).toMatch(/^spanbus_event_published_total\{.*\} [1-9]/m);
    expect(metrics).toMatch(/^gen_ai_invoke_agent_duration_count\{.*gen_ai_agent_name="travel-agent".*\} [1-9]/m);
    expect(metrics).toMatch(/^gen_ai_client_token_usage_sum\{.*gen_ai_request_model="gpt-5-mini".*\} [1-9]/m);
  });

  it("lets go of readers that left", async () => {
    const { url } = await startDemo();
    const client = connect(url);
    const readers = Array.from({ length: 5 }, () => client.subscribeGlobal());
    for (const reader of readers) expect((await reader.next()).done).toBe(false);
    expect((await client.stats()).globalSubscribers).toBe(5);
    for (const reader of readers) reader.close();
    while ((await client.stats()).globalSubscribers > 0);
  });

  it("answers nothing but reading", async () => {
    const { url } = await startDemo();
    const posted = await fetch(`${url}runs`, { method: "POST", body: "x" });
    expect(posted.status).toBe(405);
    expect((await fetch(`${url}nowhere`)).status).toBe(404);
    expect((await fetch(`${url}runs`, { method: "HEAD" })).status).toBe(200);
  });

  it.each([
    ["attacker.example", 421],
    ["attacker.example:4320", 421],
    ["127.0.0.1.attacker.example", 421],
    ["localhost.attacker.example:80", 421],
    ["localhost", 200],
    ["LOCALHOST:4320", 200],
    ["127.0.0.1:1", 200],
    ["[::1]:4320", 200],
  ])("answers a request for the host %j with %i, whatever is asked", async (host, status) => {
    const { url } = await startDemo();
    const asked = ["", "runs", "stats", "events", "metrics"].map((path) => statusFor(host, `${url}${path}`));
    expect(new Set(await Promise.all(asked))).toEqual(new Set([status]));
  });

  // Elsewhere the loopback network has one address only.
  it.runIf(process.platform === "linux")("is at no other address of the machine", async () => {
    const { url } = await startDemo();
    const { port } = new URL(url);
    const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
    const others = ["127.0.0.2", "::1", ...addresses].filter((address) => address !== "127.0.0.1");
    for (const host of others) {
      const socket = connectTo({ host, port: Number(port) });
      await expect(once(socket, "connect"), host).rejects.toThrow();
    }
  });

  it.each<NodeJS.Signals>(["SIGINT", "SIGTERM"])("ends with 0 after %s, also while it is watched", async (signal) => {
    const { command, url } = await startDemo();
    const reader = connect(url, { giveUpMillis: 1 }).subscribeGlobal();
    expect((await reader.next()).done).toBe(false);
    command.process.kill(signal);
    const { code, notes } = await command.ended;
    reader.close();
    expect(notes).toBe("");
    expect(code).toBe(0);
  });

  it("says that its port is taken, and exits with 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, notes } = await run(["demo", "--port", String(port)]);
    other.close();
    expect(notes).toContain(`port ${port} is taken: name another with --port`);
    expect(code).toBe(1);
  });

  it("is followed by `spanbus tail`", async () => {
    const { url } = await startDemo();
    const { code, output } = await run(["tail", url, "--run", "travel-1", "--wait"]);
    expect(output).toMatch(/▸ tool search_trains {2}\{"to":"Kraków"/);
    expect(output).toMatch(/■ completed .*3 model calls, 2 tool calls, 1413 tokens in, 113 out/);
    expect(code).toBe(0);
  });
});
