import { readFileSync } from "node:fs";
import { nodes, type Sdk, sdks, typescripts } from "../../test/outside/matrix.js";
import { table } from "./markdown.js";

const between = /(<!-- matrix: .*? -->\n)[\s\S]*?(<!-- \/matrix -->)/;

/** README.md as it stands, with the table of what is tried made anew. */
export function readmePage(): string {
  const page = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  if (!between.test(page)) throw new Error("README.md has no place for its matrix");
  return page.replace(between, (_, open: string, close: string) => `${open}\n${matrix()}\n\n${close}`);
}

function matrix(): string {
  const head = ["OpenTelemetry SDK", "packages", "Node", "TypeScript"];
  const compilers = typescripts.map(({ version }) => version).join(", ");
  return table(
    head,
    sdks.map((sdk) => [sdk.name, packages(sdk), nodes.map(nodeOf(sdk)).join(", "), compilers]),
  );
}

function packages({ versions }: Sdk): string {
  const shown = Object.entries(versions).filter(([name]) => /\/(api|sdk-.*)$/.test(name));
  return shown.map(([name, version]) => `\`${name.replace("@opentelemetry/", "")}\` ${version}`).join(", ");
}

/** A version of Node, marked where OpenTelemetry itself does not support it. */
function nodeOf({ oldestNode }: Sdk): (node: (typeof nodes)[number]) => string {
  return ({ version }) =>
    isOlder(version, oldestNode) ? `${version} (OpenTelemetry asks for ${oldestNode})` : version;
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) < 0;
}
