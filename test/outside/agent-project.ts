import { beforeAll, expect, it } from "vitest";
import { agentProject } from "../../scripts/agents.js";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";

/**
 * The tests of one agent in a project of its own: that its types fit, and then one for each way to run it. They are skipped
 * where its packages cannot be had.
 */
export function agentTests<Way extends string>(
  name: string,
  ways: readonly Way[],
  says: string,
  expectRight: (project: UserProject, way: Way) => Promise<void>,
): void {
  let project: UserProject | undefined;
  beforeAll(async () => {
    project = await UserProject.installIfPossible(...agentProject(name));
  });

  it("has types that fit", async ({ skip }) => {
    if (!project) return skip();
    expect(await complaints(project)).toBe("");
  });

  it.for(ways)(says, async (way, { skip }) => {
    if (!project) return skip();
    await expectRight(project, way);
  });
}

/** Agents that look themselves whether all is as it should be, heard by way of their first argument. */
export function selfCheckedAgentTests(name: string, ways: readonly string[]): void {
  agentTests(name, ways, "streams what it does, heard by way of %s", async (project, way) => {
    expect(await project.program("agent.ts", [way])).toContain("all as expected");
  });
}
