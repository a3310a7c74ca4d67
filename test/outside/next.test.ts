import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { constants, createGunzip } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { Backend } from "./setups/backend.js";
import { bring, writeFiles } from "./setups/page.js";

const project = await UserProject.installIfPossible("test/outside/setups/next");

describe.runIf(project)("docs/SETUPS.md, an application of Next.js", () => {
  let backend: Backend;
  let server: ChildProcess | undefined;
  let address = "";

  beforeAll(async () => {
    if (!project) return;
    backend = await Backend.start();
    writeFiles(project, "next");
    bring(project, "guide.ts");
    const env = {
      NEXT_TELEMETRY_DISABLED: "1",
      BACKEND: backend.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: backend.url,
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
    const next = join(project.folder, "node_modules/next/dist/bin/next");
    await project.run(process.execPath, [next, "build"], { env, timeoutMillis: 300_000 });
    server = spawn(process.execPath, [next, "start", "--port", "0"], {
      cwd: project.folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
      address = /Local: +(\S+)/.exec(line)?.[1] ?? address;
      if (line.includes("Ready")) break;
    }
  });

  afterAll(async () => {
    backend?.stop();
    if (!server || server.exitCode !== null) return;
    server.kill();
    await once(server, "exit");
  });

  it("has one bus: a route starts an agent, another streams it while it works, the exporter gets its spans", async () => {
    const { runId } = (await (await fetch(`${address}/ask`, { method: "POST" })).json()) as { runId: string };
    const seen: string[] = [];
    for await (const line of stream(`${address}/agents/runs/${runId}/events`)) {
      const type = /"type":"([^"]*)"/.exec(line)?.[1];
      if (type) seen.push(type);
      // The agent goes on once this reader has seen its tool begin.
      if (type === "agent.tool.started") await fetch(`${backend.url}/weather`);
      if (line.startsWith("event: end")) seen.push("end");
    }
    expect(seen).toEqual([
      "agent.invocation.started",
      "agent.tool.started",
      "agent.tool.completed",
      "order.placed",
      "agent.invocation.completed",
      "agent.terminate",
      "end",
    ]);
    await fetch(`${backend.url}/wait-for/v1/traces`);
  });

  it("asks `authorize`", async () => {
    expect((await fetch(`${address}/agents/runs`)).status).toBe(403);
  });
});

/** The lines of a stream, asked for as browsers do it: compressed. */
async function* stream(url: string): AsyncGenerator<string> {
  const request = get(url, { headers: { "accept-encoding": "gzip", "x-team": "ops" } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const isPacked = response.headers["content-encoding"] === "gzip";
  const body = isPacked ? response.pipe(createGunzip({ flush: constants.Z_SYNC_FLUSH })) : response;
  yield* createInterface({ input: body });
}
