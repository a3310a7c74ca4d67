import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Lookup, Row } from "../../bench/harness/row.js";

const bench = new URL("../../bench/", import.meta.url);
// Named by a value, since the types of what is measured come with packages of their own.
const { rows }: { rows: readonly Row[] } = await import(new URL("rows/index.ts", bench).href);

/** Packages that a file needs to be loaded: those of what it imports at once, not of what it imports when it measures. */
function packagesOf(file: URL, seen = new Set<string>()): string[] {
  if (seen.has(file.href)) return [];
  seen.add(file.href);
  const imports = readFileSync(file, "utf8").matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?"([^"]+)";$/gm);
  return [...imports].flatMap(([, name = ""]) => {
    if (name.startsWith("node:")) return [];
    return name.startsWith(".") ? packagesOf(new URL(name.replace(/\.js$/, ".ts"), file), seen) : [name];
  });
}

function dependencies(folder: string): string[] {
  return Object.keys(JSON.parse(readFileSync(new URL(`${folder}package.json`, bench), "utf8")).dependencies);
}

describe("the rows of the benchmarks", () => {
  it("can be listed with the packages of any of them", () => {
    const needed = packagesOf(new URL("child.ts", bench));
    expect(needed).toContain("tinybench");
    for (const folder of ["", "sdk-3/"])
      expect([...dependencies(folder), "spanbus"]).toEqual(expect.arrayContaining(needed));
  });

  it("have a name, a place in the page, and cases that goals speak of", () => {
    const page = readFileSync(new URL("../docs/PERFORMANCE.md", bench), "utf8");
    for (const { name, cases, goals } of rows) {
      expect(page).toContain(`<!-- bench: ${name} -->`);
      const asked = new Set<string>();
      const lookup: Lookup = (who) => {
        asked.add(who);
        return 1;
      };
      for (const goal of goals) goal.got(lookup);
      expect(cases.map((each) => each.name)).toEqual(expect.arrayContaining([...asked]));
    }
  });
});
