import { describe } from "vitest";
import { selfCheckedAgentTests } from "./agent-project.js";

describe("an agent of the OpenAI Agents SDK", () => {
  selfCheckedAgentTests("openai-agents", ["processor", "openinference", "processor-first", "openinference-first"]);
});
