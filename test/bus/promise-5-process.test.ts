import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const timeout = 20_000;

/** What the program prints until it ends of itself. */
async function linesOf(program: string, ...args: string[]): Promise<string[]> {
  const path = fileURLToPath(new URL(`programs/${program}.ts`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", path, ...args], { timeout });
  return stdout.trim().split("\n");
}

describe.concurrent("a process", { timeout }, () => {
  it("ends although readers wait, a run is open and time limits run", async () => {
    expect(await linesOf("waits-for-nobody")).toEqual(["done"]);
  });

  it("goes on while a close is pending on a run that has a reader", async () => {
    expect(await linesOf("waits-for-close", "read")).toEqual(["open", "agent.model.failed", "closed"]);
  });

  it("does not go on for a pending close that nobody reads", async () => {
    expect(await linesOf("waits-for-close")).toEqual(["open"]);
  });
});
