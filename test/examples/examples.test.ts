import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOtlpReceiver } from "../../examples/otlp-receiver.js";
import { hasRedis } from "../redis/redis-server.js";
import { makeOciHome } from "./oci-config.js";
import { startOciEndpoint } from "./oci-endpoint.js";

const projectFolder = fileURLToPath(new URL("../..", import.meta.url));
const timeoutMillis = 60_000;

interface Finished {
  readonly exitCode: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "examples-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs an example as its reader would, without a network and with nothing of this machine's configuration. */
function run(example: string, env: Record<string, string> = {}): Promise<Finished> {
  const options = {
    cwd: projectFolder,
    env: { PATH: process.env.PATH, HOME: home, SPANBUS_MODEL_PROVIDER: "mock", ...env },
    timeout: timeoutMillis,
  };
  return new Promise((resolve) => {
    const args = ["--import", "tsx", `examples/${example}`, ...(argumentsOf[example] ?? [])];
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

/** Whether something listens there. */
async function reached(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect").finally(() => socket.destroy());
}

/** The part of the output under the heading that holds this text. */
function section(output: string, heading: string): string {
  const found = output.split("\n── ").find((part) => part.slice(0, part.indexOf("\n")).includes(heading));
  return found ?? expect.fail(`no section "${heading}" in:\n${output}`);
}

const examples = readdirSync(join(projectFolder, "examples")).filter((file) => /^\d\d-.*\.ts$/.test(file));
/** What makes an example end that would else go on. */
const argumentsOf: Record<string, readonly string[]> = { "07-two-processes.ts": ["--trips", "2"] };
const expectations: Record<string, (output: string) => void> = {
  "01-subscribers.ts": (output) => {
    const all = section(output, "subscribeGlobal");
    const runs = all.split("\n").flatMap((line) => /^(run-[AB]) │/.exec(line)?.[1] ?? []);
    expect(runs.indexOf("run-B"), "runs are interleaved").toBeLessThan(runs.lastIndexOf("run-A"));
    expect(runs.indexOf("run-A"), "runs are interleaved").toBeLessThan(runs.lastIndexOf("run-B"));
    expect(all).toMatch(/run-A │ ○ run closed: completed/);
    expect(all).toMatch(/run-B │ ○ run closed: completed/);
    expect(all).toMatch(/run-B │ +✗ tool search_flights .* the flight search did not answer/);
    expect(all).toMatch(/run-B │ +✓ tool search_trains/);
    expect(all).toMatch(/run-B │ +· first chunk/);

    const one = section(output, 'bus.subscribe("run-A")');
    expect(one).toContain("▸ agent travel-agent\n");
    expect(one).toMatch(/^ {2}▸ model travel-script$/m);
    expect(one).toMatch(
      /■ completed in \d+ ms: 2 model calls, 2 tool calls \(0 failed\), [1-9]\d* tokens in, [1-9]\d* out/,
    );
    expect(one).not.toContain("Oslo");
    expect(one).toContain("→ the reader of run-A ended: closed, the run: completed");
    expect(one).toContain("→ the reader of all runs ended: returned");

    const late = section(output, "Too late");
    expect(late).toMatch(/\d+ events of run-B, all from the history; the last one:\n■ completed in/);
    expect(late).toContain("→ the late reader ended: closed, the run: completed");

    const slow = section(output, "Too slow");
    expect(slow).toContain('ticker.tick {"n":1}\n  gap: 51 events missing (lagged)\n  ticker.tick {"n":53}');
    expect(slow).toContain("published 60 = received 9 + dropped 51");

    const stats = section(output, "bus.stats()");
    expect(stats).toMatch(/published: [1-9]/);
    expect(stats).toMatch(/dropped: 0/);
    expect(stats).toMatch(/runSubscribers: 0/);
    expect(stats).toMatch(/globalSubscribers: 0/);
    expect(stats).toMatch(/openSpans: 0/);
    expect(stats).toMatch(/events kept: {.*"run-A":[1-9]/);
  },
  "02-node-sdk.ts": (output) => {
    expect(output).toMatch(/live │ {3}▸ tool get_weather/);
    const [, seen, exported] = /The bus saw (\d+) spans live, the exporter exported (\d+) of them/.exec(output) ?? [];
    expect(Number(seen)).toBeGreaterThan(3);
    expect(exported).toBe(seen);
    expect(output).toMatch(/^ {2}[0-9a-f]{16} ai\.toolCall$/m);
  },
  "03-log-events.ts": (output) => {
    expect(output).toContain('order-7 │ basket.checked {"items":3}\n');
    expect(output).toMatch(/order-7 │ payment\.authorized .*"amount":129\.9/);
    expect(output).toContain('order-7 │ order.placed {"total":129.9,"currency":"EUR"}\n');
    expect(output).not.toContain("stays out");
    expect(output).toContain("Runs on the bus: order-7, 3 events\n");
  },
  "04-hand-written-spans.ts": (output) => {
    expect(output).toContain("▸ agent librarian\n  ▸ model example-large\n");
    expect(output).toMatch(/^ {2}✓ model \d+ ms \(tool_calls\)$/m);
    expect(output).toMatch(/^ {2}✗ tool reserve_book \d+ ms the book is out$/m);
    expect(output).toMatch(/^■ completed in \d+ ms: 2 model calls, 2 tool calls \(1 failed\), 135 tokens in, 24 out$/m);
    expect(output).toContain("○ run closed: completed");
    expect(output).toContain("of agent librarian in conversation conversation-1");
  },
  "05-otlp-metrics.ts": (output) => {
    expect(output).toContain("Exports before the shutdown: 0, after it: 1.");
    const [, counted] = /The bus itself counted (\d+) events published/.exec(output) ?? [];
    expect(Number(counted)).toBeGreaterThan(10);
    expect(output).toContain(`\n  spanbus.event.published ${counted} {event}\n`);
    expect(output).toContain(`\n  spanbus.event.delivered ${counted} {event}\n`);
    expect(output).toMatch(
      /^ {2}gen_ai\.execute_tool\.duration [\d.]+ s in 1 .*"search_flights".*"error.type":"Error"/m,
    );
    expect(output).toMatch(/^ {2}gen_ai\.client\.operation\.time_to_first_chunk [\d.]+ s in 3 /m);
    expect(output).not.toContain("dropped");
  },
  "06-http.ts": (output) => {
    expect(output).toMatch(/^run-A │ {3}✓ tool get_weather/m);
    expect(output).toMatch(/^run-A │ ■ completed in \d+ ms/m);
    expect(output).toContain("run-A │ ── that was kept, now live\n");
    expect(output).toContain("run-A │ end: completed\n");
    expect(output).not.toContain("run-B │");
    expect(output).toContain("/runs: run-A completed, run-B completed\n");
    expect(output).toContain("run-A again, behind its end: 204, completed\n");
    expect(output).toContain("run-B, without leave: 403 Forbidden\n");
  },
  "07-two-processes.ts": (output) => {
    expect(output).toMatch(/^redis +│ started at 127\.0\.0\.1:\d+$/m);
    expect(output).toMatch(/^web +│ the live page: http:\/\/127\.0\.0\.1:\d+\/$/m);
    const sent = [...output.matchAll(/^worker +│ (trip-\w+): an agent looks for a way/gm)].map(([, runId]) => runId);
    const closed = [...output.matchAll(/^web +│ (trip-\w+) │ ○ run closed: completed$/gm)].map(([, runId]) => runId);
    expect(sent).toHaveLength(2);
    expect(closed).toEqual(sent);
    expect(output).toMatch(/^web +│ trip-\w+ │ +✓ tool get_weather/m);
    expect(output).toMatch(/^worker +│ [1-9]\d* events went to Redis$/m);
    expect(output).toMatch(/^web +│ 2 runs are in Redis$/m);
    expect(output).toContain("all have ended\n");
  },
  "08-ag-ui.ts": (output) => {
    expect(output).toMatch(/^▸ run-A of talk-1$/m);
    expect(output).toMatch(/^ {2}asks search_flights {"from":"Berlin","to":"Oslo"}$/m);
    expect(output).toMatch(/^ {2}gets the flight search did not answer$/m);
    expect(output).toMatch(/^ {2}says Oslo it is\./m);
    expect(output).toMatch(/^■ run-A finished$/m);
    const [, roles] = /as the client keeps it:\n(.*)/s.exec(output) ?? [];
    expect(roles?.match(/\w+/g)).toEqual(["assistant", "tool", "tool", "assistant", "tool", "assistant"]);
  },
};
const isPossible = hasRedis();

describe("examples", () => {
  test("each has its expectations here", () => {
    expect(Object.keys(expectations)).toEqual(examples);
  });

  test.each(examples.filter((example) => isPossible || example !== "07-two-processes.ts"))(
    "%s runs to its end and shows what it is about",
    { timeout: timeoutMillis },
    async (example) => {
      const { exitCode, stdout, stderr } = await run(example);
      expect(exitCode, stdout + stderr).toBe(0);
      expect(stderr).toBe("");
      expectations[example]?.(stdout);
    },
  );

  test.runIf(isPossible).each(["SIGINT", "SIGTERM"] as const)(
    "07-two-processes.ts ends in good order by %s to all of its processes, as Ctrl-C sends it",
    { timeout: timeoutMillis },
    async (signal) => {
      const args = ["--import", "tsx", "examples/07-two-processes.ts"];
      // In a group of its own, so that the signal reaches it and what it started, and nobody else.
      const program = spawn(process.execPath, args, {
        cwd: projectFolder,
        env: { PATH: process.env.PATH },
        detached: true,
      });
      let output = "";
      for (const stream of [program.stdout, program.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          // In the middle of a run.
          if (!output.includes("▸ tool") && (output + text).includes("▸ tool"))
            process.kill(-Number(program.pid), signal);
          output += text;
        });
      }
      const [exitCode] = await once(program, "close");
      expect(exitCode, output).toBe(0);
      expect(output).toMatch(/^worker +│ [1-9]\d* events went to Redis$/m);
      expect(output).toMatch(/^web +│ 1 run is in Redis$/m);
      expect(output.trimEnd()).toMatch(/all have ended$/);
      const [, port] = /started at 127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      await expect(reached(Number(port))).rejects.toThrow("ECONNREFUSED");
    },
  );

  test.runIf(isPossible)(
    "07-two-processes.ts leaves nothing behind when it is killed",
    { timeout: timeoutMillis },
    async () => {
      const args = ["--import", "tsx", "examples/07-two-processes.ts"];
      const program = spawn(process.execPath, args, { cwd: projectFolder, env: { PATH: process.env.PATH } });
      let output = "";
      const started = new Promise<number>((resolve) => {
        program.stdout.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          const [, port] = /started at 127\.0\.0\.1:(\d+)\n.*run opened/s.exec(output) ?? [];
          if (port !== undefined) resolve(Number(port));
        });
      });
      const redis = connect(await started, "127.0.0.1");
      await once(redis, "connect");
      const closed = once(redis.resume(), "close");
      program.kill("SIGKILL");
      await closed;
    },
  );

  test("02-node-sdk.ts exports to a collector that the environment names", { timeout: timeoutMillis }, async () => {
    const collector = await startOtlpReceiver();
    const { exitCode, stdout, stderr } = await run("02-node-sdk.ts", { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    await collector.close();
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stdout).toContain(`the exporter sent them to ${collector.url}.`);
    expect(collector.spans.map((span) => span.name)).toContain("ai.toolCall");
  });

  test("05-otlp-metrics.ts exports to a collector that the environment names", { timeout: timeoutMillis }, async () => {
    const collector = await startOtlpReceiver();
    const { exitCode, stdout, stderr } = await run("05-otlp-metrics.ts", {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    await collector.close();
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stdout).toContain(`The exporter sent them to ${collector.url}.`);
    expect(collector.spans).toEqual([]);
    expect(collector.metricExports).toHaveLength(1);
    // By these Prometheus tells two processes of one service apart.
    expect(collector.metricResources).toEqual([
      expect.objectContaining({
        "service.name": "travel-agency",
        "service.instance.id": expect.stringMatching(/^[\da-f]{8}-/),
      }),
    ]);

    const exported = new Map(collector.metricExports.at(-1)?.map((metric) => [metric.name, metric]));
    const [, counted] = /The bus itself counted (\d+) events published/.exec(stdout) ?? [];
    const component = { "otel.component.type": "spanbus.EventBus", "otel.component.name": "travel-agency" };
    expect(exported.get("spanbus.event.published")).toEqual({
      name: "spanbus.event.published",
      unit: "{event}",
      points: [{ attributes: component, value: Number(counted) }],
    });
    // All zeros arrive, too: an alert can see the first drop ever.
    expect(exported.get("spanbus.event.dropped")?.points).toEqual(
      ["run", "global"].map((scope) => ({
        attributes: { ...component, "spanbus.subscriber.scope": scope, "spanbus.drop.reason": "lagged" },
        value: 0,
      })),
    );
    expect(exported.get("spanbus.agent.run.active")?.points.map(({ value }) => value)).toEqual([0]);
    const invocation = exported.get("gen_ai.invoke_agent.duration");
    expect(invocation).toMatchObject({ unit: "s", points: [{ count: 1 }] });
    expect(invocation?.points[0]?.attributes).toMatchObject({ ...component, "gen_ai.agent.name": "travel-agent" });
  });

  test("01-subscribers.ts talks to OCI where a configuration is at hand", { timeout: timeoutMillis }, async () => {
    const oci = makeOciHome();
    const endpoint = await startOciEndpoint(oci);
    const { exitCode, stdout, stderr } = await run("01-subscribers.ts", {
      SPANBUS_MODEL_PROVIDER: "",
      OCI_CONFIG_FILE: oci.writeConfig({ DEFAULT: oci.profile }),
      OCI_GENAI_ENDPOINT: endpoint.url,
    });
    await endpoint.close();
    oci.remove();
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stdout).toContain("Model: OCI Generative AI, openai.gpt-oss-120b");
    expect(section(stdout, 'bus.subscribe("run-A")')).toMatch(/✓ tool get_weather .* in Kraków/);
    expect(endpoint.requests.map((request) => request.headers["opc-compartment-id"])).toEqual(
      Array(4).fill(oci.profile.tenancy),
    );
  });

  test("npm start runs the first one", () => {
    const { scripts } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8"));
    expect(scripts.start).toContain("examples/01-subscribers.ts");
  });
});
