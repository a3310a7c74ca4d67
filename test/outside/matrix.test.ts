import { describe, expect, it } from "vitest";
import { BehavingProject } from "./behaving.js";
import { all } from "./behaviours/all.js";
import { moduleKinds, nodes, sdks, typescripts } from "./matrix.js";

const projects = await BehavingProject.installAll();

const cells = nodes.flatMap((node) => moduleKinds.map((modules) => ({ node, modules, kind: modules.kind })));

describe.each(sdks)("spanbus on OpenTelemetry SDK $name", (sdk) => {
  const project = projects.find((each) => each.sdk === sdk);
  const here = it.skipIf(!project);

  here.each(typescripts)("is accepted by TypeScript $version, under the strictest settings", async ({ folder }) => {
    await expect(project?.compile(folder)).resolves.toBe("");
  });

  here.each(cells)("behaves by $kind on Node $node.version", async ({ node, modules: { kind, folder } }) => {
    const { lines, loaded, ...process } = (await project?.behave(`${folder}/main.js`, node.folder)) ?? expect.fail();
    expect(lines).toEqual(Object.keys(all).map((name) => `ok ${name}`));
    expect(process).toEqual({ node: node.version, modules: kind, warnings: [] });
    expect(loaded).toEqual(expect.arrayContaining([...sdk.loads[kind]]));
    const copiesOfApi = (all: readonly string[]) => all.filter((each) => each.startsWith("@opentelemetry/api@"));
    expect(copiesOfApi(loaded)).toEqual(copiesOfApi(sdk.loads[kind]));
  });
});
