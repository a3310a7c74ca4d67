import { copyFileSync, cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserProject } from "../../scripts/user-project.js";
import { strict } from "../types/consumer.js";
import { moduleKinds, type Sdk, sdks, typescripts } from "./matrix.js";

/** What the behaviours said of themselves in one process. */
export interface Report {
  /** `ok` or `not ok`, and the behaviour. */
  readonly lines: readonly string[];
  readonly node: string;
  readonly modules: string;
  readonly warnings: readonly string[];
  /** Packages of OpenTelemetry that ran: name, version, `import` or `require`. */
  readonly loaded: readonly string[];
}

/** A project with one generation of the SDK, and the behaviours in it as programs. */
export class BehavingProject {
  readonly sdk: Sdk;
  readonly folder: string;
  readonly #project: UserProject;
  readonly #toolchain: UserProject;

  private constructor(sdk: Sdk, project: UserProject, toolchain: UserProject) {
    this.sdk = sdk;
    this.folder = project.folder;
    this.#project = project;
    this.#toolchain = toolchain;
  }

  /** One for each generation; none where packages cannot be had. */
  static async installAll(): Promise<readonly BehavingProject[]> {
    const toolchain = await UserProject.installIfPossible("test/outside/toolchain");
    const all: BehavingProject[] = [];
    for (const sdk of toolchain ? sdks : []) {
      const project = await UserProject.installIfPossible(`test/outside/${sdk.project}`);
      if (!project || !toolchain) return [];
      const behaving = new BehavingProject(sdk, project, toolchain);
      behaving.#addBehaviours();
      await behaving.compile(typescripts.at(-1)?.folder ?? "", "--noCheck", "--noEmit", "false");
      all.push(behaving);
    }
    return all;
  }

  /** What the compiler says, nothing if it has no complaint. */
  compile(typescript: string, ...options: string[]): Promise<string> {
    const tsc = join(this.#toolchain.folder, "node_modules", typescript, "bin/tsc");
    return this.#project.run(process.execPath, [tsc, "--pretty", "false", ...options]);
  }

  /** Lets a program of the behaviours run. A behaviour that fails is an error with its text. */
  async behave(program: string, node?: string): Promise<Report> {
    const lines = await this.output(program, node);
    return { ...JSON.parse(lines.pop() ?? "{}"), lines };
  }

  /** The lines a program prints, on the Node in that folder of the toolchain or on the one that runs here. */
  async output(program: string, node?: string): Promise<string[]> {
    const binary = node ? join(this.#toolchain.folder, "node_modules", node, "bin/node") : process.execPath;
    return (await this.#project.run(binary, [program])).trimEnd().split("\n");
  }

  /** To be compiled once as ESM and once as CommonJS. The project's own files win. */
  #addBehaviours(): void {
    const own = readdirSync(this.folder).filter((name) => name.endsWith(".ts"));
    for (const { folder: name, type } of moduleKinds) {
      const to = join(this.folder, name);
      cpSync(fileURLToPath(new URL("behaviours", import.meta.url)), to, { recursive: true });
      for (const file of own) copyFileSync(join(this.folder, file), join(to, file));
      writeFileSync(join(to, "package.json"), JSON.stringify({ type }));
    }
    const include = moduleKinds.map(({ folder }) => folder);
    writeFileSync(join(this.folder, "tsconfig.json"), JSON.stringify({ compilerOptions: strict, include }));
  }
}
