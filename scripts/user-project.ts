import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
const kept = ["node_modules", ".installed"];

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: two minutes. */
  readonly timeoutMillis?: number;
  /** Prints what the command prints, while it does. */
  readonly live?: boolean;
}

export interface Beside {
  /** Files and folders, given from the root, that the project imports by a relative path. */
  readonly beside?: readonly string[];
}

/**
 * A project of somebody who uses spanbus: packages of its own, locked, and spanbus as it is published. It is copied out of
 * this project, so that it finds nothing but its own packages, and installed once for each lock file.
 */
export class UserProject {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Installs the project in a folder of this one, given from the root; `packages` is another folder whose packages it gets
   * instead of its own. spanbus must be built.
   */
  static async install(
    source: string,
    { beside = [], packages = source }: Beside & { readonly packages?: string } = {},
  ): Promise<UserProject> {
    const from = join(root, source);
    const own = createHash("sha256").update(root).digest("hex").slice(0, 8);
    const copies = join(tmpdir(), `spanbus-projects-${own}`);
    const folder = join(copies, packages === source ? source : `${source}-with-${basename(packages)}`);
    const project = new UserProject(folder);
    for (const path of beside) cpSync(join(root, path), join(copies, path), { recursive: true });
    mkdirSync(folder, { recursive: true });
    for (const entry of readdirSync(folder)) {
      if (!kept.includes(entry)) rmSync(join(folder, entry), { recursive: true, force: true });
    }
    cpSync(from, folder, { recursive: true, filter: (path) => !kept.includes(basename(path)) });
    for (const file of ["package.json", "package-lock.json"]) cpSync(join(root, packages, file), join(folder, file));
    const lock = readFileSync(join(folder, "package-lock.json"), "utf8");
    const stamp = join(folder, ".installed");
    if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
      rmSync(stamp, { force: true });
      await project.#installPackages();
      writeFileSync(stamp, lock);
    }
    await project.#installSpanbus();
    return project;
  }

  /**
   * The same, for tests: without a registry of packages the project is undefined, and a line says what is not tested. CI
   * must have one.
   */
  static async installIfPossible(source: string, beside: Beside = {}): Promise<UserProject | undefined> {
    try {
      return await UserProject.install(source, beside);
    } catch (error) {
      if (process.env["CI"] || !(error instanceof NoPackages)) throw error;
      process.stderr.write(`${source} is not tested: ${error.message}\n`);
      return undefined;
    }
  }

  /** Compiles files in place, given as patterns: they then start without a loader. */
  async compile(files: readonly string[]): Promise<void> {
    await build({
      absWorkingDir: this.folder,
      entryPoints: [...files],
      outdir: ".",
      format: "esm",
      platform: "node",
      target: "node20",
      tsconfigRaw: {},
      logLevel: "warning",
    });
  }

  /** What a program of the project prints; `.ts` is compiled on the way. */
  program(file: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<string> {
    return this.run(process.execPath, ["--import", tsx, file, ...args], options);
  }

  /** What a command prints. It fails with that text, not only with the exit code. */
  async run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const { env, timeoutMillis = 120_000, live = false } = options;
    const settings = {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: "1", ...env },
      timeout: timeoutMillis,
      maxBuffer: 2 ** 26,
    };
    try {
      const running = execute(command, args, settings);
      if (live) {
        running.child.stdout?.pipe(process.stdout, { end: false });
        running.child.stderr?.pipe(process.stderr, { end: false });
      }
      return (await running).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command} ${args.join(" ")}\n${stdout ?? error}\n${stderr ?? ""}`, { cause: error });
    }
  }

  async #installPackages(): Promise<void> {
    try {
      await this.run("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund"], { timeoutMillis: 600_000 });
    } catch (error) {
      const code = /npm error code (\S+)/.exec(String(error))?.[1] ?? "see its log";
      throw new NoPackages(`npm ci failed, ${code}`, { cause: error });
    }
  }

  /** As its tarball would lie there, with what it depends on. */
  async #installSpanbus(): Promise<void> {
    const installed = join(this.folder, "node_modules/spanbus");
    rmSync(installed, { recursive: true, force: true });
    mkdirSync(installed, { recursive: true });
    const pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination", this.folder, root];
    const tarball = (await this.run("npm", pack)).trim().split("\n").at(-1) ?? "";
    await this.run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
    rmSync(join(this.folder, tarball));
    const { dependencies = {} } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    for (const name of Object.keys(dependencies)) {
      cpSync(join(root, "node_modules", name), join(installed, "node_modules", name), { recursive: true });
    }
  }
}

/** What a project needs could not be installed. */
class NoPackages extends Error {}
