/** Runs one of the example agents: `npm run agent -- mastra`. Installs its packages first, outside this project. */
import { agentNames, agentProject } from "./agents.js";
import { UserProject } from "./user-project.js";

const [name = "", ...args] = process.argv.slice(2);
if (agentNames.includes(name)) {
  console.log(`Installing the packages of ${name} ...`);
  const project = await UserProject.install(...agentProject(name));
  await project.program("agent.ts", args, { live: true }).catch(() => {
    process.exitCode = 1;
  });
} else {
  console.log(
    `npm run agent -- <name>, where the name is one of\n${agentNames.map((known) => `  ${known}`).join("\n")}`,
  );
  if (name) process.exitCode = 2;
}
