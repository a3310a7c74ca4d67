import { fileURLToPath } from "node:url";
import type { UserProject } from "../../scripts/user-project.js";

const compiler = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

/** What the compiler has to say of a project, with the packages of that project. */
export function complaints(project: UserProject): Promise<string> {
  return project.run(process.execPath, [compiler, "-p", "."]).catch((error: Error) => error.message);
}
