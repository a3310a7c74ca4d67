import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { UserProject } from "../../../scripts/user-project.js";

const text = readFileSync(new URL("../../../docs/SETUPS.md", import.meta.url), "utf8");

/** A block of docs/SETUPS.md. The comment before it says where it runs: `file: project/path`, or `run: project project`. */
export interface PageBlock {
  readonly how: string;
  readonly where: string;
  readonly code: string;
}

export const blocks: readonly PageBlock[] = [
  ...text.matchAll(/^<!-- (file|run): (.*) -->\n\n```\w+\n([\s\S]*?)^```$/gm),
].map(([, how = "", where = "", code = ""]) => ({ how, where, code }));

/** How many blocks the page has, with and without such a comment. */
export const fences = text.match(/^ *```\w/gm)?.length ?? 0;

/** Packages that the page names with the version they were run with. */
export const versions = [...text.matchAll(/`([@\w/-]+)` (\d+\.\d+\.\d+)/g)].map(([, name = "", version = ""]) => ({
  name,
  version,
}));

/** Writes the files that the page shows for a project into it, and returns their paths. */
export function writeFiles(project: UserProject, name: string): string[] {
  const own = blocks.filter(({ how, where }) => how === "file" && where.startsWith(`${name}/`));
  return own.map(({ where, code }) => {
    const path = where.slice(name.length + 1);
    const to = join(project.folder, path);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, code);
    return path;
  });
}

/** A file beside this one, put into the project. */
export function bring(project: UserProject, file: string): void {
  const from = fileURLToPath(new URL(file, import.meta.url));
  writeFileSync(join(project.folder, file), readFileSync(from));
}
