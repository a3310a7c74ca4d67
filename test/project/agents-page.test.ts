import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { agentNames } from "../../scripts/agents.js";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/AGENTS.md");
const lock = (name: string) => JSON.parse(read(`examples/agents/${name}/package-lock.json`)).packages;

/** What stands in the page below such a comment. */
const excerpts = [...page.matchAll(/<!-- file: (\S+) -->\n\n```ts\n([\s\S]*?)\n```/g)].map(
  ([, file = "", code = ""]) => ({ file, code }),
);

describe("docs/AGENTS.md", () => {
  it("marks where each of its blocks of code is from", () => {
    expect(excerpts.length).toBeGreaterThan(0);
    expect(page.match(/^```ts$/gm)?.length).toBe(excerpts.length);
  });

  it.each(excerpts)("shows lines of $file, in their order", ({ file, code }) => {
    let rest = read(file).split("\n");
    for (const line of code.split("\n").filter(Boolean)) {
      expect(rest, `what is left of ${file}`).toContain(line);
      rest = rest.slice(rest.indexOf(line) + 1);
    }
  });

  it("names the versions that are installed", () => {
    const versions = [...page.matchAll(/`([^`\s]+)` (\d+\.\d+\.\d+)/g)];
    expect(versions.length).toBeGreaterThan(agentNames.length);
    for (const [, name = "", version] of versions) {
      const installed = agentNames.map((agent) => lock(agent)[`node_modules/${name}`]?.version);
      expect(installed, name).toContain(version);
    }
  });

  it("installs what the agents have", () => {
    const declared = agentNames.flatMap((agent) => Object.keys(lock(agent)[""].dependencies));
    const installs = [...page.matchAll(/^npm install (.*)$/gm)].flatMap(([, names = ""]) => names.split(" "));
    for (const name of installs) expect(["spanbus", ...declared]).toContain(name);
  });
});
