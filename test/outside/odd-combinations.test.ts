import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { BehavingProject } from "./behaving.js";
import { all } from "./behaviours/all.js";

const API = "@opentelemetry/api";
const everything = Object.keys(all).map((name) => `ok ${name}`);

const projects = await BehavingProject.installAll();
const here = it.skipIf(projects.length === 0);
const of = (name: string) => projects.find(({ sdk }) => sdk.project === name) ?? expect.fail(`no ${name}`);

/** The program that uses `import`, in a folder of its own, which may have packages that hide those of the project. */
function variant({ folder }: BehavingProject, name: string): { program: string; folder: string; packages: string } {
  const to = join(folder, name);
  cpSync(join(folder, "imported"), to, { recursive: true });
  return { program: `${name}/main.js`, folder: to, packages: join(to, "node_modules") };
}

function packageOf({ folder }: BehavingProject, name: string): string {
  return join(folder, "node_modules", name);
}

/** Installs the project's spanbus there, with the API of another project. */
function installWithApiOf(other: BehavingProject, project: BehavingProject, packages: string): void {
  const to = join(packages, "spanbus");
  cpSync(packageOf(project, "spanbus"), to, { recursive: true });
  cpSync(packageOf(other, API), join(to, "node_modules", API), { recursive: true });
}

describe("spanbus behaves", () => {
  here("with a copy of the API that is older than the application's", async () => {
    const [oldest, newest] = [of("otel-2-oldest"), of("otel-3")];
    const { program, packages } = variant(newest, "older-api");
    installWithApiOf(oldest, newest, packages);
    const { lines, loaded } = await newest.behave(program);
    expect(lines).toEqual(everything);
    expect(loaded).toContain(`${API}@${newest.sdk.versions[API]} import`);
    expect(loaded).toContain(`${API}@${oldest.sdk.versions[API]} require`);
  });

  here("in an ESM application whose SDK was loaded by require()", async () => {
    const project = of("otel-3");
    const { versions, loads } = project.sdk;
    const { program, packages } = variant(project, "required-sdk");
    for (const name of Object.keys(versions).filter((each) => /sdk|context/.test(each))) {
      const file = join(packages, name, "index.js");
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `module.exports = require(${JSON.stringify(packageOf(project, name))});\n`);
    }
    const { lines, loaded } = await project.behave(program);
    expect(lines).toEqual(everything);
    const isApiOrSdk = (name: string) => /api|sdk|context/.test(name);
    expect(loaded.filter(isApiOrSdk)).toEqual(loads.require.filter(isApiOrSdk));
  });

  here("where the bus is of another copy of spanbus than what the application imports", async () => {
    const project = of("otel-2-newest");
    const { program, folder, packages } = variant(project, "two-copies");
    cpSync(packageOf(project, "spanbus"), join(packages, "spanbus"), { recursive: true });
    const service = join(folder, "service.js");
    const source = readFileSync(service, "utf8");
    const other = source.replace('from "spanbus"', 'from "../node_modules/spanbus/dist/index.js"');
    expect(other).not.toBe(source);
    writeFileSync(service, other);
    expect((await project.behave(program)).lines).toEqual(everything);
  });

  here.each(["esm", "cjs"] as const)("bundled with everything into one minified file (%s)", async (format) => {
    const outfile = `bundle.${format === "esm" ? "mjs" : "cjs"}`;
    const banner = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`;
    for (const project of projects) {
      await build({
        absWorkingDir: project.folder,
        entryPoints: ["imported/main.js"],
        bundle: true,
        minify: true,
        platform: "node",
        format,
        outfile,
        ...(format === "esm" && { banner: { js: banner } }),
      });
      const { lines, loaded } = await project.behave(outfile);
      const { name } = project.sdk;
      expect({ name, lines, loaded }).toEqual({ name, lines: everything, loaded: [] });
    }
  });
});

describe("spanbus with a copy of the API that is newer than the application's", () => {
  here("sees the spans, and says why it cannot bind a run", async () => {
    const [older, newer] = [of("otel-2-newest"), of("otel-3")];
    const { folder, packages } = variant(older, "newer-api");
    installWithApiOf(newer, older, packages);
    const program = `
      import { context, diag } from "@opentelemetry/api";
      import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
      import { Service } from "./service.js";
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      diag.setLogger({ ...console, verbose: console.log, warn: (message) => console.log(message) });
      const service = new Service();
      const agent = service.bus.run("r", () => service.agent("planner"));
      agent.end();
      console.log(service.types(agent).join());
    `;
    writeFileSync(join(folder, "says.js"), program);
    expect(await older.output("newer-api/says.js")).toEqual([
      expect.stringMatching(
        `^spanbus: the application has ${API} ${older.sdk.versions[API]}, and the newer copy .* install one for both$`,
      ),
      "agent.invocation.started,agent.invocation.completed,agent.terminate",
    ]);
  });
});
