import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);

const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = join(root, "node_modules");

const tsc = join(modules, ".bin", "tsc");

/** As strict as it gets: whatever the declarations of spanbus do not say properly is an error. */
export const strict = {
  target: "es2022",
  lib: ["es2022"],
  module: "nodenext",
  moduleResolution: "nodenext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  useUnknownInCatchVariables: true,
  skipLibCheck: false,
  noEmit: true,
};

/** A project of somebody who uses the built spanbus, in a folder of its own. */
export class Consumer {
  readonly folder: string;
  readonly declarations: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.declarations = join(folder, "node_modules/spanbus/dist");
  }

  /** Builds spanbus and installs it. */
  static async create(): Promise<Consumer> {
    const consumer = new Consumer(realpathSync(mkdtempSync(join(tmpdir(), "spanbus-consumer-"))));
    const { folder, declarations } = consumer;
    const installed = join(folder, "node_modules");
    mkdirSync(declarations, { recursive: true });
    copyFileSync(join(root, "package.json"), join(installed, "spanbus/package.json"));
    symlinkSync(join(modules, "@opentelemetry"), join(installed, "@opentelemetry"), "junction");
    symlinkSync(join(modules, "@types"), join(installed, "@types"), "junction");
    symlinkSync(join(modules, "undici-types"), join(installed, "undici-types"), "junction");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await execute(tsc, ["-p", "tsconfig.build.json", "--outDir", declarations], { cwd: root });
    return consumer;
  }

  /** What the compiler has to say about the program and about spanbus, one complaint a line. */
  async complaints(source: string, options: Partial<typeof strict> = {}): Promise<string[]> {
    writeFileSync(join(this.folder, "program.ts"), source);
    const config = { compilerOptions: { ...strict, ...options }, files: ["program.ts"] };
    writeFileSync(join(this.folder, "tsconfig.json"), JSON.stringify(config));
    try {
      await execute(tsc, ["-p", this.folder, "--pretty", "false"], { cwd: this.folder });
      return [];
    } catch (error) {
      const { stdout } = error as { stdout?: string };
      if (!stdout) throw error;
      // Declarations of OpenTelemetry that need more than the program has are not ours.
      return stdout
        .split("\n")
        .filter((line) => /^(program\.ts|tsconfig\.json|node_modules\/spanbus\/|error )/.test(line));
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
