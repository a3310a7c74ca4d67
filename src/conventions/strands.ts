import type { Convention } from "./convention.js";

/**
 * What Strands Agents adds to the GenAI conventions: turns of the loop, graphs and swarms, memories. Its scope, and
 * what it gives for the provider, are called as the service is.
 *
 * Source: @strands-agents/sdk 1.16.0, telemetry/tracer
 */
export const strands: Convention = {
  name: "Strands Agents",
  claims: [
    { by: "name", operations: { execute_agent_loop_cycle: "step" }, where: { anyAttribute: "agent_loop.*" } },
    {
      by: "attribute",
      key: "gen_ai.operation.name",
      operations: {
        invoke_graph: "workflow",
        invoke_swarm: "workflow",
        execute_node: "step",
        "memory.search": "memory",
        "memory.add": "memory",
      },
    },
  ],
  fields: {
    step: [{ from: "attribute", key: "agent_loop.cycle_id", like: "cycle-*" }],
    name: [
      { from: "attribute", key: "agent_loop.cycle_id", for: ["step"] },
      { from: "name", like: "invoke_graph *", for: ["workflow"] },
      { from: "name", like: "invoke_swarm *", for: ["workflow"] },
      { from: "name", like: "node *", for: ["step"] },
    ],
    input: ["gen_ai.agent.input"],
  },
  // A tool may answer with an error and end with the status OK.
  failures: [
    {
      source: "gen_ai.tool.status",
      is: "error",
      message: [{ from: "constant", value: "the tool answered with an error" }],
    },
  ],
};
