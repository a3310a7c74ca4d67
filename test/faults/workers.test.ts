import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("worker threads have buses of their own, whose generations are their own, and may be ended at any moment", async () => {
  const program = fileURLToPath(new URL("programs/workers.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", program]);
  // Four threads, two buses in each, a hundred runs in each of those.
  expect(JSON.parse(stdout)).toEqual({ generations: 800, codes: [1, 1, 1, 1], published: 2, retainedRuns: 1 });
});
