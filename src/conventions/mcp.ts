import type { Convention } from "./convention.js";

/**
 * The Model Context Protocol. An instrumentation of it may add its attributes to a tool span that is already there.
 *
 * Source: https://github.com/open-telemetry/semantic-conventions v1.41.1, docs/gen-ai/mcp.md
 */
export const mcp: Convention = {
  name: "MCP",
  claims: [{ by: "attribute", key: "mcp.method.name", operations: { "tools/call": "tool" }, otherwise: "mcp" }],
  fields: {
    mcp: [{ from: "equals", key: "mcp.method.name", value: "tools/call", for: ["tool"] }],
    mcpMethod: ["mcp.method.name"],
    toolName: ["gen_ai.tool.name", { from: "name", like: "tools/call *" }, { from: "name", like: "execute_tool *" }],
  },
};
