import { beforeAll, describe, expect, it } from "vitest";
import { agentProject } from "../../scripts/agents.js";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";

describe.each([
  ["ai-sdk-6", ["spans"]],
  ["ai-sdk-7", ["channel", "spans", "spans-first", "channel-first"]],
])("an agent of %s", (name, ways) => {
  let project: UserProject | undefined;
  beforeAll(async () => {
    project = await UserProject.installIfPossible(...agentProject(name));
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
