import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { inPackage } from "../project/bundled.js";

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
  const { dependencies, devDependencies } = manifest;
  expect(names).toEqual(expect.arrayContaining([...Object.keys(dependencies), ...inPackage]));
  // The demo's packages depend on others of OpenTelemetry.
  const ours = Object.keys(devDependencies).filter(
    (name) => !name.startsWith("@opentelemetry/") && !inPackage.includes(name),
  );
  expect(names.filter((name: string) => ours.includes(name))).toEqual([]);
});
