import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BundledPackage, licenses, packagesIn } from "./bundled-packages.js";
import { pageBundle } from "./page.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** What is built into the package: into the demo, which is written if asked for, and into the page. */
export async function bundledPackages({ write }: { readonly write: boolean }): Promise<readonly BundledPackage[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/cli/demo-packages.ts"],
    outfile: join(dist, "cli/demo-packages.js"),
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
  return [...packagesIn(metafile), ...packagesIn((await pageBundle()).metafile)];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(dist, "THIRD-PARTY-LICENSES"), licenses(await bundledPackages({ write: true })));
  // Types of packages that users do not have.
  rmSync(join(dist, "cli/demo-packages.d.ts"));
}
