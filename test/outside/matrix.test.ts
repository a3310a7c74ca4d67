import { copyFileSync, cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { all } from "./behaviours/all.js";
import { moduleKinds, nodes, type Sdk, sdks, typescripts } from "./matrix.js";

const toolchain = await UserProject.installIfPossible("test/outside/toolchain");
const projects = new Map<Sdk, UserProject>();
for (const sdk of toolchain ? sdks : []) {
  const project = await UserProject.installIfPossible(`test/outside/${sdk.project}`);
  if (project) projects.set(sdk, project);
}

/** As strict as it gets, the declarations of OpenTelemetry included. */
const compilerOptions = {
  target: "es2022",
  lib: ["es2022"],
  module: "nodenext",
  moduleResolution: "nodenext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
};

/** The behaviours as programs of the project, to be compiled once as ESM and once as CommonJS. Its own files win. */
function addBehaviours({ folder }: UserProject): void {
  const own = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  for (const { folder: name, type } of moduleKinds) {
    const to = join(folder, name);
    cpSync(fileURLToPath(new URL("behaviours", import.meta.url)), to, { recursive: true });
    for (const file of own) copyFileSync(join(folder, file), join(to, file));
    writeFileSync(join(to, "package.json"), JSON.stringify({ type }));
  }
  const include = moduleKinds.map(({ folder: name }) => name);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
}

const tool = (path: string) => join(toolchain?.folder ?? "", "node_modules", path);

describe.each(sdks)("spanbus on OpenTelemetry SDK $name", (sdk) => {
  const project = projects.get(sdk);
  const here = it.skipIf(!project);
  const compile = (typescript: string, ...options: string[]) =>
    project?.run(process.execPath, [tool(`${typescript}/bin/tsc`), "--pretty", "false", ...options]);

  beforeAll(async () => {
    if (!project) return;
    addBehaviours(project);
    const { folder } = typescripts.at(-1) ?? expect.fail("no TypeScript");
    await compile(folder, "--noCheck");
  });

  here.each(typescripts)("is accepted by TypeScript $version, under the strictest settings", async ({ folder }) => {
    await expect(compile(folder, "--noEmit")).resolves.toBe("");
  });

  const cells = nodes.flatMap((node) => moduleKinds.map((modules) => ({ node, modules, kind: modules.kind })));

  here.each(cells)("behaves by $kind on Node $node.version", async ({ node, modules }) => {
    const printed = await project?.run(tool(`${node.folder}/bin/node`), [`${modules.folder}/main.js`]);
    const lines = printed?.trimEnd().split("\n") ?? [];
    const { loaded, ...process } = JSON.parse(lines.pop() ?? "{}");
    expect(lines).toEqual(Object.keys(all).map((name) => `ok ${name}`));
    expect(process).toEqual({ node: node.version, modules: modules.kind, warnings: [] });
    expect(loaded).toEqual(expect.arrayContaining([...sdk.loads[modules.kind]]));
    expect(copiesOf("@opentelemetry/api", loaded)).toEqual(copiesOf("@opentelemetry/api", sdk.loads[modules.kind]));
  });
});

function copiesOf(name: string, loaded: readonly string[]): string[] {
  return loaded.filter((each) => each.startsWith(`${name}@`));
}
