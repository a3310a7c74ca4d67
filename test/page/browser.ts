import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** Where Chromium is: where Debian installs it, else on the path. */
export function chromiumPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const candidates = ["/usr/bin/chromium", ...folders.map((folder) => join(folder, "chromium"))];
  return candidates.find((path) => existsSync(path));
}

/** Chromium refuses to run as root inside its own sandbox. */
export function launchArguments(): string[] {
  return process.getuid?.() === 0 ? ["--no-sandbox"] : [];
}

/** A real Chromium. Undefined, with a line that says so, where there is none; a failure in continuous integration. */
export async function launch(): Promise<Browser | undefined> {
  const path = chromiumPath();
  if (path !== undefined) return chromium.launch({ executablePath: path, args: launchArguments() });
  if (process.env["CI"]) throw new Error("no Chromium is installed: the tests of the page need one");
  process.stderr.write("skipped: no Chromium is installed, the page is not tested in a browser\n");
  return undefined;
}
