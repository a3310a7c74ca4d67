import { UserProject } from "../../scripts/user-project.js";

/** The benchmarks with the packages of a folder and spanbus as it is published, compiled and ready to run. */
export async function benchProject(packages: string): Promise<UserProject> {
  const project = await UserProject.install("bench", { packages });
  const folders = ["candidates", "harness", "inputs", "redis", "rows", "sdk-3", "span-path", "sse"];
  await project.compile(["child.ts", ...folders.map((folder) => `${folder}/*.ts`)]);
  return project;
}
