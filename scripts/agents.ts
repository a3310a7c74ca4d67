import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Beside } from "./user-project.js";

const folder = "examples/agents";
const root = fileURLToPath(new URL("..", import.meta.url));

/** Names of the example agents, each a project of its own in `examples/agents/`. */
export const agentNames: readonly string[] = readdirSync(join(root, folder)).filter((name) =>
  existsSync(join(root, folder, name, "agent.ts")),
);

/** What `UserProject.install` takes to install one of them. */
export function agentProject(name: string): [source: string, beside: Beside] {
  return [`${folder}/${name}`, { beside: [`${folder}/stage`, "examples/outline.ts"] }];
}
