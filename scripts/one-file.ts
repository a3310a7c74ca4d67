import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Puts a program and all that it imports into one file: nothing is looked for when it starts. */
export async function oneFile(program: URL, into: URL): Promise<string> {
  const outfile = fileURLToPath(into);
  await build({
    entryPoints: [fileURLToPath(program)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    logLevel: "warning",
  });
  return outfile;
}
