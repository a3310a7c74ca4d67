import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const source = (path: string): string => fileURLToPath(new URL(`../src/page/${path}`, import.meta.url));

/** What src/http/page-document.ts holds: script and style of the page, made from src/page/. */
export async function pageModule(): Promise<string> {
  return [
    "// Written by `npm run page` from src/page/. Do not edit by hand.",
    `export const script = ${JSON.stringify(await scriptOf(source("main.ts")))};`,
    `export const style = ${JSON.stringify(await styleOf(source("page.css")))};`,
    "",
  ].join("\n");
}

async function scriptOf(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    charset: "ascii",
    legalComments: "none",
  });
  return checked((outputFiles[0]?.text ?? "").trim());
}

async function styleOf(path: string): Promise<string> {
  const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
  return checked(code.trim());
}

/** Text that would end its element, or begin a comment in it, must not be there. */
function checked(text: string): string {
  const found = /<\/(script|style)|<!--/i.exec(text);
  if (found || text === "") throw new Error(`the page must hold neither nothing nor "${found?.[0]}"`);
  return text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("../src/http/page-document.ts", import.meta.url), await pageModule());
}
