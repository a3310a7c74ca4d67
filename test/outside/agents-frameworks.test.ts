import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { agentProject } from "../../scripts/agents.js";
import { UserProject } from "../../scripts/user-project.js";
import { printed } from "../project/pages.js";
import { complaints } from "./complaints.js";

const page = readFileSync(new URL("../../docs/AGENTS.md", import.meta.url), "utf8");

/** What docs/AGENTS.md says that the run `Oslo` of an agent prints. */
function transcript(name: string): string {
  const [, lines] = new RegExp(`<!-- run: npm run agent -- ${name} -->\n\n\`\`\`text\n([^\`]*)`).exec(page) ?? [];
  return lines ?? expect.fail(`docs/AGENTS.md shows no run of ${name}`);
}

describe.each([
  ["langgraph", []],
  ["mastra", []],
  ["langfuse", []],
  ["openai", ["opentelemetry", "openinference", "traceloop"]],
  ["mcp", []],
  ["genkit", []],
])("the agent of %s", (name, variants) => {
  let project: UserProject | undefined;
  beforeAll(async () => {
    project = await UserProject.installIfPossible(...agentProject(name));
  });

  it("has types that fit", async ({ skip }) => {
    if (!project) return skip();
    expect(await complaints(project)).toBe("");
  });

  it.for(variants.length > 0 ? variants : [""])(
    "streams what it does, live and whole %s",
    async (variant, { skip }) => {
      if (!project) return skip();
      const output = await project.program("agent.ts", variant ? [variant] : []);
      expect(output).toContain("All streams were live, whole and right.");
      const oslo = output
        .split("\n")
        .flatMap((line) => (line.startsWith("Oslo ") ? [line.replace(/^.*? │ /, "")] : []));
      const shown = transcript(`${name} ${variant}`.trim());
      if (!printed(shown, oslo.join("\n"))) expect(oslo.join("\n")).toBe(shown);
    },
  );
});
