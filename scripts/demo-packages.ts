import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = join(root, "dist/cli");

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** Its SPDX identifier. */
  readonly license: string;
  readonly licenseText: string;
}

/** Puts the packages of the demo into one module, and gives what is in it. */
export async function bundleDemoPackages({ write }: { readonly write: boolean }): Promise<readonly BundledPackage[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/cli/demo-packages.ts"],
    outfile: join(built, "demo-packages.js"),
    write,
    bundle: true,
    minify: true,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    // The peer: one for the bus, the demo and what is in here.
    external: ["@opentelemetry/api"],
    // Some of the packages are CommonJS, and require the peer and what Node has.
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    legalComments: "none",
    logLevel: "warning",
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  return [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    return { name, version, license, licenseText: readFileSync(join(root, folder, "LICENSE"), "utf8").trim() };
  });
}

/** Every licence once, below the packages that are under it. */
function licenses(packages: readonly BundledPackage[]): string {
  const holders = new Map<string, Set<string>>();
  for (const { name, version, licenseText } of packages)
    holders.set(licenseText, (holders.get(licenseText) ?? new Set()).add(`${name} ${version}`));
  const parts = [...holders].map(([text, names]) => `${[...names].sort().join("\n")}\n\n${text}\n`);
  return ["demo-packages.js holds code of these packages.\n", ...parts].join(`\n${"-".repeat(80)}\n\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = await bundleDemoPackages({ write: true });
  writeFileSync(join(built, "THIRD-PARTY-LICENSES"), licenses(packages));
  // Types of packages that users do not have.
  rmSync(join(built, "demo-packages.d.ts"));
}
