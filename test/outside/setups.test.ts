import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";
import { Backend } from "./setups/backend.js";
import { blocks, bring, fences, versions, writeFiles } from "./setups/page.js";

/** Where a set-up exports spans to, and how its environment says so. */
interface Exports {
  readonly to: string;
  env(url: string): Readonly<Record<string, string>>;
}

const otlp: Exports = {
  to: "/v1/traces",
  env: (url) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: "none" }),
};

const noKey = "00000000-0000-0000-0000-000000000000";

const exporting: Readonly<Record<string, Exports>> = {
  "sentry.ts": { to: "/api/1/envelope/", env: (url) => ({ SENTRY_DSN: `${url.replace("//", "//key@")}/1` }) },
  "langfuse.ts": {
    to: "/api/public/otel/v1/traces",
    env: (url) => ({ LANGFUSE_PUBLIC_KEY: "public", LANGFUSE_SECRET_KEY: "secret", LANGFUSE_BASE_URL: url }),
  },
  "azure.ts": {
    to: "/v2.1/track",
    env: (url) => ({
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=${noKey};IngestionEndpoint=${url}`,
      NODE_OPTIONS: "--require ./plain-https.cjs",
    }),
  },
  "logfire.ts": {
    to: "/v1/traces",
    env: (url) => ({ LOGFIRE_TOKEN: "token", LOGFIRE_BASE_URL: url, LOGFIRE_CONSOLE: "false" }),
  },
  "datadog.ts": {
    to: "/v0.4/traces",
    env: (url) => ({ DD_TRACE_AGENT_URL: url, DD_INSTRUMENTATION_TELEMETRY_ENABLED: "false" }),
  },
  "declarative.ts": { to: otlp.to, env: (url) => ({ ...otlp.env(url), OTEL_CONFIG_FILE: "otel.yaml" }) },
};

/** Set-ups that the page shows without log records. */
const withoutLogs = [
  ...["provider.ts", "start-node-sdk.ts", "declarative.ts"],
  ...["sentry.ts", "langfuse.ts", "logfire.ts", "datadog.ts"],
];

const whatTheAgentDid = (logs: boolean) => ({
  told: [
    "agent.invocation.started",
    "agent.tool.started get_weather",
    "agent.tool.completed get_weather",
    "agent.tool.started get_prices",
    "agent.tool.failed get_prices",
    ...(logs ? ["order.placed"] : []),
    "agent.model.started",
    "agent.model.completed",
    "agent.tokens.used 3",
    "agent.invocation.completed",
    "agent.terminate 3",
  ],
  reason: "closed",
  outcome: "completed",
  dropped: 0,
  errors: 0,
  refused: 0,
});

const strict = {
  compilerOptions: {
    target: "es2022",
    module: "nodenext",
    types: ["node"],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ["*.ts"],
};

let backend: Backend;
beforeEach(async () => {
  backend = await Backend.start();
});
afterEach(() => backend.stop());

/** What the agent prints under a set-up; it does not end before its spans were exported. */
async function agent(project: UserProject, setup = "", { to, env }: Exports = otlp, given = {}) {
  const settings = { BACKEND: backend.url, ...env(backend.url), ...given };
  const output = await project.program("agent.ts", [setup, to], { env: settings, timeoutMillis: 60_000 });
  const lines = output.trimEnd().split("\n");
  return { before: lines.slice(0, -1), ...JSON.parse(lines.at(-1) ?? "") };
}

for (const name of ["sdk-2", "sdk-3"]) {
  const project = await UserProject.installIfPossible(`test/outside/setups/${name}`);

  describe.runIf(project)(`docs/SETUPS.md, ${name}`, () => {
    if (!project) return;
    for (const file of ["agent.ts", "required.cjs", "silenced.ts", "plain-https.cjs", "otel.yaml"])
      bring(project, file);
    const files = writeFiles(project, name);

    it.each(files)("with %s the bus sees everything, and the spans are exported", async (file) => {
      const result = await agent(project, file, exporting[file]);
      expect(result).toMatchObject(whatTheAgentDid(!withoutLogs.includes(file)));
      if (file === "attach.ts") expect(result.before).toEqual(["true true"]);
      if (file === "node-sdk.ts") await fetch(`${backend.url}/wait-for/v1/logs`);
    });

    if (name === "sdk-2") {
      it("without tracesSampleRate Sentry shows the bus no span", async () => {
        const init = readFileSync(join(project.folder, "sentry.ts"), "utf8").replace("tracesSampleRate: 1, ", "");
        writeFileSync(join(project.folder, "sentry-unsampled.ts"), init);
        expect(await agent(project, "sentry-unsampled.ts", { ...otlp, to: "" })).toMatchObject({ told: [] });
      });

      it("behind spanbus/register Azure's distribution, which resets the API, is found", async () => {
        const code =
          'import { useAzureMonitor } from "@azure/monitor-opentelemetry"; useAzureMonitor({ tracesPerSecond: 0 });';
        writeFileSync(join(project.folder, "azure-behind.ts"), code);
        const azure = exporting["azure.ts"]?.env(backend.url);
        const env = { ...azure, NODE_OPTIONS: `${azure?.["NODE_OPTIONS"]} --import spanbus/register` };
        const told = await agent(project, "azure-behind.ts", { to: "/v2.1/track", env: () => env });
        expect(told).toMatchObject(whatTheAgentDid(true));
      });
    }

    it("every file compiles", async () => {
      writeFileSync(join(project.folder, "tsconfig.json"), JSON.stringify(strict));
      expect(await complaints(project)).toBe("");
    });

    const commands = blocks.filter(({ how, where }) => how === "run" && where.split(" ").includes(name));
    it.each(commands)("$code gives the bus of the process everything, and the exporter too", async ({ code }) => {
      const [, options = "no options"] = /^node (.*) app\.js$/.exec(code.trim()) ?? [];
      expect(await agent(project, "", otlp, { NODE_OPTIONS: options })).toMatchObject(whatTheAgentDid(true));
    });

    it("an application that uses require() and starts SDKs behind spanbus/register loses nothing", async () => {
      const env = { ...otlp.env(backend.url), NODE_OPTIONS: "--import spanbus/register" };
      const seen = ["agent.invocation.started", "agent.invocation.completed", "agent.terminate"];
      expect(JSON.parse(await project.run(process.execPath, ["required.cjs"], { env }))).toEqual([seen, seen]);
    });

    it("an exporter of the environment that spanProcessors silenced is told, once", async () => {
      const told = await project.program("silenced.ts", [], { env: otlp.env(backend.url) });
      expect(told.trimEnd().split("\n")).toEqual([expect.stringContaining("OTEL_EXPORTER_OTLP_ENDPOINT is set")]);
      expect(await project.program("silenced.ts", [], { env: { OTEL_TRACES_EXPORTER: "none" } })).toBe("");
    });
  });
}

const projects = ["sdk-2", "sdk-3", "next"];

describe("docs/SETUPS.md", () => {
  it("says of every block where it runs", () => {
    expect(blocks).toHaveLength(fences);
    const places = blocks.flatMap(({ where }) => where.split(" ").map((place) => place.replace(/\/.*/, "")));
    expect(places.filter((place) => !projects.includes(place))).toEqual([]);
  });

  it("names the versions that run here", () => {
    const locked = projects.flatMap((project) => {
      const path = new URL(`setups/${project}/package.json`, import.meta.url);
      return Object.entries(JSON.parse(readFileSync(path, "utf8")).dependencies);
    });
    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter(({ name, version }) => !locked.some(([n, v]) => n === name && v === version))).toEqual([]);
  });
});
