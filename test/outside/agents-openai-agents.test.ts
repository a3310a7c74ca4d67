import { beforeAll, describe, expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { complaints } from "./complaints.js";

describe("agents of the OpenAI Agents SDK", () => {
  let project: UserProject;
  beforeAll(async () => {
    project = await UserProject.install("examples/agents/openai-agents", { beside: ["examples/agents/stage"] });
  });

  it("have types that fit", async () => {
    expect(await complaints(project)).toBe("");
  });

  it.each(["processor", "openinference", "processor-first", "openinference-first"])(
    "stream what they do, heard by way of %s",
    async (way) => {
      expect(await project.program("agent.ts", [way])).toContain("all as expected");
    },
  );
});
