import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const timeout = 20_000;

it("a process ends although streams wait", { timeout }, async () => {
  const path = fileURLToPath(new URL("programs/waits-for-nobody.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", path], { timeout });
  expect(stdout).toBe("caught up\ncaught up\n");
});
