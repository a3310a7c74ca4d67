import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../..", import.meta.url));

it("the list of parts has what users install, and nothing that only we need", async ({ skip }) => {
  const list = promisify(execFile)("npm", ["run", "--silent", "sbom"], { cwd: root, maxBuffer: 2 ** 24 });
  const { stdout } = await list.catch((error) => {
    if (process.env["CI"]) throw error;
    return skip("npm could not get the program that makes the list");
  });
  const names = JSON.parse(stdout).components.map(({ group, name }: { group?: string; name: string }) =>
    group ? `${group}/${name}` : name,
  );
  // What is built into the demo and the page.
  const bundled = [
    "@hono/node-server",
    "@opentelemetry/context-async-hooks",
    "@opentelemetry/exporter-prometheus",
    "@opentelemetry/sdk-metrics",
    "@opentelemetry/sdk-trace-base",
    "hono",
    "preact",
  ];
  const { dependencies, devDependencies } = manifest;
  expect(names).toEqual(expect.arrayContaining([...Object.keys(dependencies), ...bundled]));
  // The demo's packages depend on others of OpenTelemetry.
  const ours = Object.keys(devDependencies).filter(
    (name) => !name.startsWith("@opentelemetry/") && !bundled.includes(name),
  );
  expect(names.filter((name: string) => ours.includes(name))).toEqual([]);
});
