import { beforeAll, describe, expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";

const beside = ["examples/agents/stage"];

describe.each([
  ["ai-sdk-6", ["spans"]],
  ["ai-sdk-7", ["channel", "spans", "spans-first", "channel-first"]],
])("an agent of %s", (name, ways) => {
  let project: UserProject | undefined;
  beforeAll(async () => {
    project = await UserProject.installIfPossible(`examples/agents/${name}`, { beside });
  });

  it("has types that fit", async ({ skip }) => {
    if (!project) return skip();
    expect(await complaints(project)).toBe("");
  });

  it.for(ways)("streams what it does, heard by way of %s", async (way, { skip }) => {
    if (!project) return skip();
    expect(await project.program("agent.ts", [way])).toContain("all as expected");
  });
});
