import { beforeAll, describe, expect, it } from "vitest";
import { agentProject } from "../../scripts/agents.js";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";

describe("agents of the OpenAI Agents SDK", () => {
  let project: UserProject | undefined;
  beforeAll(async () => {
    project = await UserProject.installIfPossible(...agentProject("openai-agents"));
  });

  it("have types that fit", async ({ skip }) => {
    if (!project) return skip();
    expect(await complaints(project)).toBe("");
  });

  it.for(["processor", "openinference", "processor-first", "openinference-first"])(
    "stream what they do, heard by way of %s",
    async (way, { skip }) => {
      if (!project) return skip();
      expect(await project.program("agent.ts", [way])).toContain("all as expected");
    },
  );
});
