import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inDemo, inPackage } from "./bundled.js";
import { parse, topLevelAwait } from "./syntax.js";

interface PackageJson {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const manifest: PackageJson = json(join(root, "package.json"));
const doors = Object.keys(manifest.exports);
const modules = doors.filter((door) => door !== "./package.json");

// Built, packed and unpacked in a folder of its own, so that the working tree stays as it is.
const temporary = realpathSync(mkdtempSync(join(tmpdir(), "spanbus-package-")));
const project = join(temporary, "project");
const user = join(temporary, "user");
const installed = join(user, "node_modules/spanbus");
let tarball = "";

/** What a command prints. It fails with that text, not only with the exit code. */
async function command(name: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await run(name, args, { cwd, env: { ...process.env, NO_COLOR: "1" } });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${name} ${args.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
  }
}

const tool = (name: string, ...args: string[]) =>
  command(process.execPath, [join(root, "node_modules/.bin", name), ...args], root);
const node = (...args: string[]) => command(process.execPath, args, user);
const packed = () => readdirSync(installed, { recursive: true, encoding: "utf8" });

describe("the packed package", () => {
  beforeAll(async () => {
    const left = ["node_modules", "dist", ".git", ".cache", "coverage", "test", "examples"];
    for (const name of readdirSync(root)) {
      if (!left.includes(name)) cpSync(join(root, name), join(project, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(project, "node_modules"), "junction");
    await command("npm", ["pack", "--silent", "--pack-destination", temporary], project);
    tarball = join(temporary, readdirSync(temporary).find((name) => name.endsWith(".tgz")) ?? "no tarball");

    mkdirSync(installed, { recursive: true });
    await command("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"], temporary);
    mkdirSync(join(user, "node_modules/@opentelemetry"));
    for (const name of ["@opentelemetry/api", ...Object.keys(manifest.dependencies ?? {})]) {
      symlinkSync(join(root, "node_modules", name), join(user, "node_modules", name), "junction");
    }
  }, 120_000);

  afterAll(() => rmSync(temporary, { recursive: true, force: true }));

  it("satisfies publint", { timeout: 60_000 }, async () => {
    await tool("publint", "run", tarball, "--strict");
  });

  it("satisfies attw", { timeout: 60_000 }, async () => {
    await tool("attw", tarball, "--profile", "esm-only", "--no-definitely-typed", "--no-emoji");
  });

  it.each(doors)("has the files that `exports` names for %s", (door) => {
    const to = manifest.exports[door] ?? {};
    const targets = typeof to === "string" ? [to] : Object.values(to);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !existsSync(join(installed, target)))).toEqual([]);
  });

  it("offers a sub-path for every part that is not an inner one", () => {
    const inner = ["./bus", "./otel", "./wire"];
    const built = packed().flatMap((path) => /^dist[\\/](?:([\w-]+)[\\/])?index\.js$/.exec(path)?.slice(1) ?? []);
    const folders = built.map((part) => (part ? `./${part}` : "."));
    expect(modules).toEqual(expect.arrayContaining(folders.filter((folder) => !inner.includes(folder))));
  });

  it("holds what is meant for users, and no sources", () => {
    const strays = packed().filter(
      (path) =>
        !/^(dist|docs|dashboards|package\.json|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md)/.test(
          path,
        ),
    );
    expect(strays).toEqual([]);
    expect(packed()).toEqual(expect.arrayContaining(["README.md", "LICENSE", "CHANGELOG.md"]));
  });

  it.each(modules)("is imported and required as %s", { timeout: 30_000 }, async (door) => {
    const name = door.replace(/^\./, "spanbus");
    const names = "console.log(JSON.stringify(Object.keys(it).sort()))";
    const imported = JSON.parse(await node("--input-type=module", "-e", `import * as it from "${name}"; ${names}`));
    const required = JSON.parse(await node("-e", `const it = require("${name}"); ${names}`));
    expect(imported.length).toBeGreaterThan(0);
    expect(required.filter((key: string) => key !== "__esModule")).toEqual(imported);
  });

  it("has a command that runs", { timeout: 30_000 }, async () => {
    const [name, path = ""] = Object.entries(manifest.bin ?? {})[0] ?? [];
    expect(name).toBe("spanbus");
    expect(statSync(join(installed, path)).mode & 0o111).toBe(0o111);
    expect(await command(join(installed, path), ["--version"], user)).toBe(`${manifest["version"]}\n`);
  });

  it("has a demo that starts, serves and stops without packages of its own", { timeout: 30_000 }, async () => {
    const { resolve } = createRequire(join(installed, "dist/cli/demo-service.js"));
    for (const name of inDemo) expect(() => resolve(name), name).toThrow("Cannot find module");

    const demo = spawn(process.execPath, [join(installed, "dist/cli/main.js"), "demo", "--port", "0"], { cwd: user });
    const closed = once(demo, "close");
    try {
      let said = "";
      for (const stream of [demo.stdout, demo.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          said += text;
        });
      }
      while (!said.includes("Ctrl-C")) {
        await Promise.race([once(demo.stdout, "data"), closed.then(() => Promise.reject(new Error(said)))]);
      }
      const url = /http:\S+/.exec(said)?.[0] ?? "";
      expect(await (await fetch(url, { headers: { accept: "text/html" } })).text()).toContain("<title>");
      expect(await (await fetch(`${url}metrics`)).text()).toMatch(/^spanbus_event_published_total/m);
      demo.kill("SIGINT");
      expect(await closed).toEqual([0, null]);
    } finally {
      demo.kill("SIGKILL");
    }
  });

  it("says what to install where the peer is missing", { timeout: 30_000 }, async () => {
    const packages = join(temporary, "without-peer/node_modules");
    cpSync(installed, join(packages, "spanbus"), { recursive: true });
    for (const name of Object.keys(manifest.dependencies ?? {}))
      symlinkSync(join(root, "node_modules", name), join(packages, name), "junction");
    const said = await command(join(packages, "spanbus", manifest.bin?.["spanbus"] ?? ""), ["demo"], packages).catch(
      String,
    );
    expect(said).toContain("npm install @opentelemetry/api");
  });

  it("carries the licences of what is in the demo and the page", () => {
    const licenses = readFileSync(join(installed, "dist/THIRD-PARTY-LICENSES"), "utf8");
    for (const name of [...inPackage, "@opentelemetry/core"]) {
      const { version } = json(join(root, "node_modules", name, "package.json"));
      expect(licenses).toMatch(new RegExp(`^${name} ${version}$`, "m"));
    }
    expect(licenses).toContain("Apache License");
    expect(licenses.match(/MIT License( \(MIT\))?\n\nCopyright \(c\)/g)).toHaveLength(4);
  });

  it("has no top-level await", () => {
    const scripts = packed().filter((path) => path.endsWith(".js"));
    const source = (path: string) => readFileSync(join(installed, path), "utf8");
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.filter((path) => topLevelAwait(parse(source(path), "js")) !== undefined)).toEqual([]);
  });
});

describe("package.json", () => {
  it("depends on its one peer, on clients that users bring, and a parser for the client", () => {
    const clients = ["@redis/client", "ioredis", "redis"];
    expect(Object.keys(manifest.peerDependencies ?? {})).toEqual(["@opentelemetry/api", ...clients]);
    expect(manifest.peerDependenciesMeta).toEqual(
      Object.fromEntries(clients.map((client) => [client, { optional: true }])),
    );
    expect(Object.keys(manifest.dependencies ?? {})).toEqual(["eventsource-parser"]);
    for (const kind of ["optionalDependencies", "bundleDependencies", "bundledDependencies"])
      expect(manifest).not.toHaveProperty(kind);
  });

  it("names the sub-paths that tsconfig.json names", () => {
    const { paths } = json(join(root, "tsconfig.json")).compilerOptions;
    const expected = modules.map((door) => {
      const { default: built = "" } = manifest.exports[door] as Record<string, string>;
      return [door.replace(/^\./, "spanbus"), [built.replace("./dist/", "./src/").replace(/\.js$/, ".ts")]];
    });
    expect(paths).toEqual(Object.fromEntries(expected));
  });
});

interface Locked {
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Record<string, string>;
}

describe("package-lock.json", () => {
  const packages: Record<string, Locked> = json(join(root, "package-lock.json")).packages;

  it("has nothing for users that runs at installation", () => {
    const isForUsers = ({ dev }: Locked) => !dev;
    expect(Object.keys(packages).filter((name) => packages[name] && isForUsers(packages[name])).length).toBeGreaterThan(
      1,
    );
    const running = Object.entries(packages).filter(([, entry]) => isForUsers(entry) && entry.hasInstallScript);
    expect(running).toEqual([]);
    for (const script of ["preinstall", "install", "postinstall", "prepare"])
      expect(manifest["scripts"]).not.toHaveProperty(script);
  });

  it("holds no address of a registry", () => {
    expect(Object.keys(packages).filter((name) => packages[name]?.resolved !== undefined)).toEqual([]);
  });

  // `npm install` leaves out what its registry does not have; `npm ci` then fails, on every platform.
  it("holds the optional packages of every platform", () => {
    const optional = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    const held = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
    expect(optional.filter((name) => !held.has(name))).toEqual([]);
  });
});
