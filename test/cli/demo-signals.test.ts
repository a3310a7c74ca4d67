import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Command, closeAfterEach } from "./support.js";

closeAfterEach();

const root = fileURLToPath(new URL("../..", import.meta.url));

async function urlOf(command: Command): Promise<string> {
  const line = await command.line("page");
  await command.line("Ctrl-C");
  return line.replace(/^.* /, "");
}

/** A stream that is read; how it ends is told by `over`. */
async function watch(url: string): Promise<{ over: Promise<"ended" | "cut"> }> {
  const asked = get(`${url}events`, { agent: false });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  await once(response, "data");
  const over = new Promise<"ended" | "cut">((resolve) => {
    response.on("end", () => resolve("ended")).on("error", () => resolve("cut"));
  });
  response.resume();
  return { over };
}

async function isTaken(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

/** Ended by a signal, and not by itself. */
const killed = null;

describe("`spanbus demo`, while clients read,", { timeout: 60_000 }, () => {
  it.each<[string, readonly NodeJS.Signals[], readonly (number | null)[]]>([
    // The second may come before the first was looked at: then they are one. Later it ends the process.
    ["ends when it is told to twice", ["SIGTERM", "SIGTERM"], [0, killed]],
    ["ends when it is told to in two ways", ["SIGINT", "SIGTERM"], [0, killed]],
    ["is not moved by SIGPIPE, and ends when it is told to", ["SIGPIPE", "SIGTERM"], [0]],
    ["is gone with its terminal", ["SIGHUP"], [killed]],
  ])("%s, and leaves no stream and no port", async (_, signals, codes) => {
    const command = new Command(["demo", "--port", "0", "--speed", "20"]);
    const url = await urlOf(command);
    const watched = await Promise.all([watch(url), watch(url), watch(url)]);
    for (const signal of signals) command.process.kill(signal);
    const { code, notes } = await command.ended;
    expect(codes).toContain(code);
    expect(notes).toBe("");
    const ends = await Promise.all(watched.map(({ over }) => over));
    if (code === 0) expect(ends).toEqual(["ended", "ended", "ended"]);
    expect(await isTaken(url)).toBe(false);
  });

  // As a terminal does it at Ctrl-C: everything in front gets the signal, npm as well.
  it.skipIf(process.platform === "win32" || !existsSync(`${root}dist/cli/main.js`))(
    "ends with npm, and leaves no stream and no port",
    async () => {
      const args = ["run", "--silent", "--ignore-scripts", "demo", "--", "--port", "0", "--speed", "20"];
      const npm = spawn("npm", args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
      let said = "";
      for (const stream of [npm.stdout, npm.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          said += text;
        });
      }
      while (!said.includes("Ctrl-C")) await once(npm.stdout, "data");
      const url = /http:\S+/.exec(said)?.[0] ?? "";
      const { over } = await watch(url);
      process.kill(-(npm.pid ?? 0), "SIGINT");
      await once(npm, "close");
      expect(await over).toBe("ended");
      expect(said).not.toMatch(/error/i);
      expect(await isTaken(url)).toBe(false);
    },
  );
});
