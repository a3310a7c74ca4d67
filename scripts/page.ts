import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What src/http/page-document.ts holds: script and style of the page, made from src/page/. */
export async function pageModule(): Promise<string> {
  return [
    "// Written by `npm run page` from src/page/. Do not edit by hand.",
    `export const script = ${JSON.stringify(await script())};`,
    `export const style = ${JSON.stringify(await style())};`,
    "",
  ].join("\n");
}

/** The script, and what is in it. */
export function pageBundle() {
  return build({
    absWorkingDir: root,
    entryPoints: ["src/page/main.ts"],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    charset: "ascii",
    legalComments: "none",
  });
}

async function script(): Promise<string> {
  const { outputFiles } = await pageBundle();
  return checked((outputFiles[0]?.text ?? "").trim());
}

async function style(): Promise<string> {
  const css = readFileSync(new URL("../src/page/page.css", import.meta.url), "utf8");
  const { code } = await transform(css, { loader: "css", minify: true });
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
