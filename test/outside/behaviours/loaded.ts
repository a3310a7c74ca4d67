import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";

/** The OpenTelemetry packages that this process runs, as the engine tells. A package that is there twice is there as two copies. */
export function loadedPackages(): string[] {
  const packages = new Set<string>();
  const session = new Session();
  session.connect();
  session.on("Debugger.scriptParsed", ({ params: { url, isModule } }) => {
    const path = url.startsWith("file:") ? fileURLToPath(url) : url;
    const [, root, name] = /^(.*\/node_modules\/(@opentelemetry\/[^/]+|spanbus))\//.exec(path) ?? [];
    if (root === undefined || isModule === undefined) return;
    const { version } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as { version: string };
    packages.add(`${name}@${version} ${isModule ? "import" : "require"}`);
  });
  session.post("Debugger.enable");
  session.disconnect();
  return [...packages].sort();
}
