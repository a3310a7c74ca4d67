import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gainOf } from "./soak/trend.js";

const program = fileURLToPath(new URL("soak/soak.ts", import.meta.url));
const timeout = 120_000;

/**
 * A small part of `npm run test:soak`. It is over before V8 has compiled what it will, which is in the heap as well. So
 * nothing is compiled here: then half of what `npm run test:soak` allows is plenty.
 */
async function soak(...args: string[]): Promise<{ code: number | null; printed: string }> {
  return new Promise((resolve, reject) => {
    const small = ["--runs", "2160", "--rounds", "1", "--samples", "12", "--most", "1", ...args];
    const child = execFile(
      process.execPath,
      ["--jitless", "--import", "tsx", program, ...small],
      { timeout },
      (error, printed) => {
        if (error && typeof error.code !== "number") reject(error);
        else resolve({ code: child.exitCode, printed });
      },
    );
  });
}

describe("thousands of runs with readers that come, stall, break, abort and vanish", { timeout }, () => {
  it("leave the heap as it was, no reader, no open run, and no span", async () => {
    const { code, printed } = await soak();
    expect(printed).not.toContain("FAILED");
    expect(printed).toContain('"activeRuns":0,"runSubscribers":0,"globalSubscribers":0,"openSpans":0,"queuedEvents":0');
    expect(code).toBe(0);
  });

  it("are found out when a reader keeps what it reads", async () => {
    const { code, printed } = await soak("--leak");
    expect(printed).toMatch(/^FAILED: the heap is not flat within 1 %$/m);
    expect(code).toBe(1);
  });
});

describe("the gain of a series", () => {
  it("is that of its line, in parts of its mean", () => {
    expect(gainOf([10, 10, 10, 10])).toBe(0);
    expect(gainOf([8, 9, 10, 11, 12])).toBeCloseTo(0.4);
    expect(gainOf([12, 8, 12, 8, 12])).toBeCloseTo(0);
    expect(gainOf([10, 10, 10, 11])).toBeLessThan(0.1);
  });
});
