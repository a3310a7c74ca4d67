import { describe } from "vitest";
import { selfCheckedAgentTests } from "./agent-project.js";

describe.each([
  ["ai-sdk-6", ["spans"]],
  ["ai-sdk-7", ["channel", "spans", "spans-first", "channel-first"]],
])("an agent of %s", selfCheckedAgentTests);
