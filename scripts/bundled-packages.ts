import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Metafile } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** Its SPDX identifier. */
  readonly license: string;
  readonly licenseText: string;
}

/** The packages that a bundle holds code of. */
export function packagesIn({ outputs }: Metafile): readonly BundledPackage[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    return { name, version, license, licenseText: readFileSync(join(root, folder, "LICENSE"), "utf8").trim() };
  });
}

/** Every licence once, below the packages that are under it. */
export function licenses(packages: readonly BundledPackage[]): string {
  const holders = new Map<string, Set<string>>();
  for (const { name, version, licenseText } of packages)
    holders.set(licenseText, (holders.get(licenseText) ?? new Set()).add(`${name} ${version}`));
  const parts = [...holders].map(([text, names]) => `${[...names].sort().join("\n")}\n\n${text}\n`);
  return ["cli/demo-packages.js and http/page-document.js hold code of these packages.\n", ...parts].join(
    `\n${"-".repeat(80)}\n\n`,
  );
}
