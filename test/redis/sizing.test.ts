import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { clientNames } from "./clients.js";
import { hasRedis } from "./redis-server.js";

const run = promisify(execFile);
const program = fileURLToPath(new URL("./programs/sizing.ts", import.meta.url));

describe.runIf(hasRedis()).each(clientNames)("what a Redis has to hold, through %s", (name) => {
  it("is measured, and the connections are as many for a thousand readers as for one", {
    timeout: 60_000,
  }, async () => {
    const { stdout } = await run(process.execPath, ["--import", "tsx", program, name]);
    const [one, many] = [...stdout.matchAll(/^Connections, .* readers? +(\d+)$/gm)].map(([, count]) => Number(count));
    expect(one).toBe(3);
    expect(many).toBe(one);
    expect(stdout).toMatch(/^Events appended, .* [1-9][\d,]* a second$/m);
  });
});
