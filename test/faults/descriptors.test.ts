import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("programs/few-descriptors.ts", import.meta.url));
const FILES = 128;

/** What became of a request: the first line of its answer, or none. */
async function asked(port: number): Promise<{ socket: Socket; line: string | undefined }> {
  const socket = connect(port, "127.0.0.1");
  const line = new Promise<string | undefined>((resolve) => {
    socket.on("data", (chunk) => resolve(String(chunk).split("\r\n")[0]));
    socket.on("close", () => resolve(undefined));
    socket.on("error", () => resolve(undefined));
  });
  socket.write("GET /runs/run/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return { socket, line: await line };
}

describe.skipIf(process.platform === "win32")("an endpoint whose process has no more file descriptors", () => {
  it("refuses who comes then, keeps whom it has, and is as before when some leave", { timeout: 60_000 }, async () => {
    const command = `ulimit -n ${FILES} && exec "${process.execPath}" --import tsx "${program}"`;
    const child = spawn("sh", ["-c", command], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const stand = async () => {
      child.stdin.write("\n");
      return JSON.parse((await lines.next()).value) as { runSubscribers: number; errors: string[] };
    };
    try {
      const port = Number((await lines.next()).value);
      for (let round = 0; round < 2; round += 1) {
        const clients = await Promise.all(Array.from({ length: 2 * FILES }, () => asked(port)));
        const served = clients.filter(({ line }) => line !== undefined);
        expect(served.length).toBeGreaterThan(FILES / 4);
        expect(served.length).toBeLessThan(FILES);
        expect(new Set(served.map(({ line }) => line))).toEqual(new Set(["HTTP/1.1 200 OK"]));
        expect(await stand()).toMatchObject({ runSubscribers: served.length, errors: [] });
        for (const { socket } of clients) socket.destroy();
        while ((await stand()).runSubscribers > 0);
      }
      const again = await asked(port);
      expect(again.line).toBe("HTTP/1.1 200 OK");
      again.socket.destroy();
      while ((await stand()).runSubscribers > 0);
      child.stdin.end();
      expect(await once(child, "exit")).toEqual([0, null]);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
