import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Consumer, command, root } from "./consumer.js";
import { acceptsTheBus, exportsMetrics, runsAnAgent, whatTheAgentDid } from "./programs.js";

const sdk = {
  traces: "@opentelemetry/sdk-trace",
  TracerProvider: "TracerProvider",
  logs: "@opentelemetry/sdk-logs",
};

// Both generations of the SDK do not fit into one npm tree: this one has a project of its own, installed on demand.
const project = join(root, "test/types/sdk-3");
const missing = await install();

/** Why it cannot be installed here; undefined when it is. */
async function install(): Promise<string | undefined> {
  const lock = readFileSync(join(project, "package-lock.json"), "utf8");
  const stamp = join(project, "node_modules/.installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return undefined;
  try {
    await command("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"], project);
    writeFileSync(stamp, lock);
    return undefined;
  } catch (error) {
    if (process.env["CI"]) throw error;
    return /npm error (.*)/.exec(String(error))?.[1] ?? "npm failed";
  }
}

if (missing !== undefined) {
  process.stderr.write(`SDK 3 is not tested, npm ci in test/types/sdk-3 failed: ${missing}\n`);
}

describe.skipIf(missing !== undefined)("with OpenTelemetry SDK 3", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await Consumer.create(join(project, "node_modules"));
  }, 120_000);
  afterAll(() => consumer?.remove());

  it("is really version 3", () => {
    const version = (name: string) =>
      JSON.parse(readFileSync(join(consumer.folder, `node_modules/@opentelemetry/${name}/package.json`), "utf8"))
        .version;
    expect([version("sdk-trace"), version("sdk-logs"), version("api")]).toEqual(["3.1.1", "3.1.1", "1.10.0"]);
  });

  it("the bus is accepted wherever processors are, under the strictest settings", { timeout: 60_000 }, async () => {
    expect(await consumer.complaints(acceptsTheBus(sdk))).toEqual([]);
  });

  it("spans, span events and log events become events", { timeout: 60_000 }, async () => {
    const { seen, ...rest } = JSON.parse(await consumer.output(runsAnAgent(sdk)));
    expect({ seen: seen.map((each: unknown[]) => each.slice(0, 2)), ...rest }).toEqual(whatTheAgentDid);
  });

  it("the metrics are exported, the last time at shutdown", { timeout: 60_000 }, async () => {
    expect(await consumer.complaints(exportsMetrics)).toEqual([]);
    expect(JSON.parse(await consumer.output(exportsMetrics))).toEqual([1, 1, 1]);
  });
});
