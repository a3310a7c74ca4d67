import { afterEach, expect, test } from "vitest";
import { type Program, startScript } from "../prometheus/program.js";

const timeoutMillis = 60_000;
const running: Program[] = [];
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
});

/** Runs the example on any free port. */
async function start(): Promise<Program> {
  const program = await startScript("examples/prometheus.ts", [], { PORT: "0" });
  running.push(program);
  return program;
}

/** Scrapes until the page says so. */
async function scrapeUntil(url: string, expected: RegExp): Promise<string> {
  for (;;) {
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200);
    const page = await response.text();
    if (expected.test(page)) return page;
  }
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "prometheus.ts runs agents, serves their metrics, and ends cleanly on %s",
  { timeout: timeoutMillis },
  async (signal) => {
    const program = await start();
    const page = await scrapeUntil(
      program.url,
      /^gen_ai_execute_tool_duration_count{.*search_flights.*error_type="Error"/m,
    );
    expect(page).toMatch(/^spanbus_event_published_total{.*otel_component_type="spanbus\.EventBus".*} [1-9]/m);
    expect(page).toMatch(/^spanbus_event_dropped_total{.*spanbus_subscriber_scope="run".*} 0$/m);
    expect(page).toMatch(/^spanbus_agent_run_active{.*gen_ai_agent_name="travel-agent".*} \d$/m);
    expect((await fetch(program.url)).status).toBe(404);

    expect(await program.stop(signal)).toEqual({ exitCode: 0, signal: null });
    const { host } = new URL(program.url);
    expect(program.output()).toContain(`Their metrics: ${program.url}/metrics\n`);
    expect(program.output()).toContain(`      - targets: ["${host}"]\n`);
    expect(program.output()).toMatch(/\nThe agents have stopped\.\n$/);
  },
);

test("prometheus.ts says which port it would take, and that a taken one is taken", {
  timeout: timeoutMillis,
}, async () => {
  await expect(startScript("examples/prometheus.ts", [], { PORT: "http" })).rejects.toThrow(
    'RangeError: PORT must be a number from 0 to 65535, got "http"',
  );
  const { port } = new URL((await start()).url);
  await expect(startScript("examples/prometheus.ts", [], { PORT: port })).rejects.toThrow("EADDRINUSE");
});
