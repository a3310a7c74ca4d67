import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasRedis, RedisServer } from "../redis/redis-server.js";
import { blocksOf, commandsOf, type Manifest, printed, programsOf, unknownCommands } from "./pages.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest: Manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const bin = (name: string) => join(root, "node_modules/.bin", name);

const pages = [root, join(root, "docs")]
  .flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: folder !== root, encoding: "utf8" }).map((name) => join(folder, name))
      : [],
  )
  .filter((path) => path.endsWith(".md"))
  .map((path) => {
    const text = readFileSync(path, "utf8");
    return { path, name: relative(root, path), text, blocks: blocksOf(text) };
  });

/** Files and folders, as pages name them: by their path, or the beginning of it. */
const tests = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => !name.includes("node_modules"))
  .map((name) => `test/${name.replaceAll("\\", "/")}`);

// Inside the project, so that its packages are found, and so that `spanbus` means src/ by the `paths` of tsconfig.json.
mkdirSync(join(root, ".cache"), { recursive: true });
const temporary = mkdtempSync(join(root, ".cache/docs-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Their blocks run in projects with packages of their own, in test/outside/. */
const elsewhere = ["docs/AGENTS.md", "docs/SETUPS.md"];

const programs = pages.flatMap(({ name, blocks }) =>
  programsOf(elsewhere.includes(name) ? [] : blocks).map((program) => ({
    ...program,
    title: `${name}:${program.line}`,
    file: join(temporary, `${name.replace(/\W+/g, "-")}-${program.line}.${program.tag}`),
  })),
);
// Programs that name `REDIS_URL` get a Redis of their own.
const isPossible =
  programs.some(isForRedis) && !hasRedis() ? (program: { code: string }) => !isForRedis(program) : () => true;
const typescript = programs.filter(({ tag }) => tag === "ts");

beforeAll(() => {
  for (const { file, tag, code } of programs) if (tag !== "sh") writeFileSync(file, `${code}\n\nexport {};\n`);
  const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
  const config = { extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] };
  writeFileSync(join(temporary, "tsconfig.json"), JSON.stringify(config));
  const runner = [
    'import root from "../../vitest.config.js";',
    'export default { ...root, test: { include: ["**"] } };',
  ];
  writeFileSync(join(temporary, "vitest.config.js"), runner.join("\n"));
});

/** Tests of the docs are run as tests. */
function commandOf({ code }: { readonly code: string }, file: string): [command: string, args: string[]] {
  if (!code.includes('from "vitest"')) return [bin("tsx"), [file]];
  return [bin("vitest"), ["run", "--root", temporary, "--config", join(temporary, "vitest.config.js"), file]];
}

function isForRedis({ code }: { readonly code: string }): boolean {
  return code.includes("REDIS_URL");
}

/** What a program prints. No program of the docs may reach a real model. */
async function output(command: string, args: readonly string[], given?: Record<string, string>): Promise<string> {
  const env = { ...process.env, SPANBUS_MODEL_PROVIDER: "mock", ...given };
  const { stdout } = await run(command, args, { cwd: root, env, timeout: 50_000 });
  return stdout;
}

describe.runIf(typescript.length > 0)("types", () => {
  it("the ts blocks of all pages compile", { timeout: 60_000 }, async () => {
    const errors = await output(bin("tsc"), ["--noEmit", "-p", temporary]).catch(({ stdout }) => String(stdout));
    expect(errors).toBe("");
  });
});

describe.each(pages)("$name", ({ name, path, text, blocks }) => {
  const own = programs.filter(({ title }) => title.startsWith(`${name}:`));

  const running = own.filter((program) => program.tag !== "sh" && isPossible(program));
  it.each(running)("$tag $title runs", { timeout: 60_000 }, async ({ file, prints, ...program }) => {
    const redis = isForRedis(program) ? await RedisServer.start() : undefined;
    const [command, args] = commandOf(program, file);
    const actual = await output(command, args, redis && { REDIS_URL: redis.url }).finally(() => redis?.stop());
    if (prints !== undefined && !printed(prints, actual)) expect(actual.trimEnd()).toBe(prints.trimEnd());
  });

  it.each(own.filter(({ tag }) => tag === "sh"))(
    "sh $title is known",
    { timeout: 60_000 },
    async ({ code, prints }) => {
      expect(unknownCommands(code, manifest, (path) => existsSync(join(root, path)))).toEqual([]);
      if (prints === undefined) return;
      expect(commandsOf(code).at(-1), "only what `npm start` prints can be checked").toBe("npm start");
      const [command = "", ...args] = manifest.scripts.start?.split(" ") ?? [];
      const actual = await output(bin(command), args);
      if (!printed(prints, actual)) expect(actual.trimEnd()).toBe(prints.trimEnd());
    },
  );

  it.each(blocks.filter(({ tag }) => tag === "json"))("json at line $line parses", ({ code }) => {
    expect(() => JSON.parse(code)).not.toThrow();
  });

  it("links to files that exist", () => {
    const prose = text.replace(/^ *(`{3,})[\s\S]*?^ *\1`* *$/gm, "").replace(/`[^`\n]*`/g, "");
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link.replace(/#.*$/, ""));
    const local = links.filter((link) => link && !/^[a-z]+:/.test(link));
    expect(local.filter((link) => !existsSync(resolve(dirname(path), link)))).toEqual([]);
  });

  it("names tests that there are", () => {
    const named = [...text.matchAll(/(?<![\w/.-])test\/[\w./-]*\w/g)].map(([name]) => name);
    expect(named.filter((name) => !tests.some((test) => test.startsWith(name)))).toEqual([]);
  });
});

describe("a page", () => {
  const fence = "```";
  const page = (...parts: string[]) => blocksOf(parts.join("\n"));
  const block = (tag: string, ...lines: string[]) => [`${fence}${tag}`, ...lines, fence].join("\n");

  it("is cut into its blocks, with the line and without the indent", () => {
    const list = ["1. First", "", "   ```ts", "   a();", "     b();", "   ```"].join("\n");
    expect(page("# Title", list)).toEqual([{ tag: "ts", line: 4, continues: false, code: "a();\n  b();" }]);
  });

  it("may hold a block that shows a block", () => {
    expect(page("````", block("ts", "a();"), "````")).toMatchObject([{ tag: "", code: block("ts", "a();") }]);
  });

  it("joins a block to the one before, and what both print", () => {
    const blocks = page(
      block("ts", "a();"),
      block("text", "1"),
      "So far.",
      "<!-- continues -->",
      "",
      block("ts", "b();"),
      block("text", "2"),
    );
    expect(programsOf(blocks)).toEqual([{ tag: "ts", line: 1, code: "a();\nb();", prints: "1\n2" }]);
  });

  it.each([
    ["a tag that nothing runs", [block("typescript", "a();")], "unknown tag"],
    ["output without a program", [block("text", "1")], "no program before it"],
    ["a first block that continues", ["<!-- continues -->", block("ts", "a();")], "no program before it"],
    [
      "a block that continues another language",
      [block("sh", "npm ci"), "<!-- continues -->", block("ts", "a();")],
      "another language",
    ],
    ["a block that is not closed", [`${fence}ts`, "a();"], "not closed"],
  ])("is refused with %s", (_, parts, message) => {
    expect(() => programsOf(page(...parts))).toThrow(message);
  });

  it.each([
    ["a\nb", "a\nb\n", true],
    ["a\nb", "a\n", false],
    ["a", "a\nb\n", false],
    ["took … ms (x)", "took 1.5 ms (x)\n", true],
    ["took … ms", "took 1.5 s\n", false],
    ["a\n…\nd", "a\nb\nc\nd\n", true],
    ["a\n…\nd", "a\nb\n", false],
    ["a.c", "abc\n", false],
  ])("that says %j of a program that prints %j: %s", (expected, output, answer) => {
    expect(printed(expected, output)).toBe(answer);
  });

  const known = { name: "it", scripts: { start: "", test: "", docs: "" }, peerDependencies: { peer: "1" } };

  it.each([
    "npm ci && npm start",
    "npm install it peer  # and a comment",
    "npm install -D \\\n  it",
    "KEY=1 npx tsx examples/one.ts",
    "npm run docs",
    ".ci/run",
  ])("may say %j", (code) => {
    expect(unknownCommands(code, known, () => true)).toEqual([]);
  });

  it.each([
    "npm run gone",
    "npm ci && npm strat",
    "npm install left-pad",
    "npx tsx gone.ts",
    "npx it",
    "rm -rf x",
    "npm",
  ])("may not say %j", (code) => {
    expect(unknownCommands(code, known, () => false)).not.toEqual([]);
  });
});
