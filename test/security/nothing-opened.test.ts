import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanbus-security-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("a bus opens no port, connects to nowhere, and needs no permission to write or to start anything", async () => {
  const program = join(folder, "program.cjs");
  await build({
    entryPoints: [fileURLToPath(new URL("programs/agent-at-work.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    logLevel: "error",
  });
  const flag = ["--permission", "--experimental-permission"].find((each) =>
    process.allowedNodeEnvironmentFlags.has(each),
  );
  const args = [flag ?? "", `--allow-fs-read=${folder}`, program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  expect(JSON.parse(stdout)).toEqual({ events: 7, opened: [], used: [], mayWrite: false });
});
