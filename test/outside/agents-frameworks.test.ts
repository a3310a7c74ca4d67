import { readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { printed } from "../project/pages.js";
import { agentTests } from "./agent-project.js";

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
  const ways = variants.length > 0 ? variants : [""];
  agentTests(name, ways, "streams what it does, live and whole %s", async (project, way) => {
    const output = await project.program("agent.ts", way ? [way] : []);
    expect(output).toContain("All streams were live, whole and right.");
    const oslo = output.split("\n").flatMap((line) => (line.startsWith("Oslo ") ? [line.replace(/^.*? │ /, "")] : []));
    const shown = transcript(`${name} ${way}`.trim());
    if (!printed(shown, oslo.join("\n"))) expect(oslo.join("\n")).toBe(shown);
  });
});
