import { warnings } from "./warnings.js";

// Packages are loaded after what hears the warnings about it.

import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { all } from "./all.js";
import { loadedPackages } from "./loaded.js";

// Runs every behaviour, prints a line for each, and at the end what this process is. Exits with 0 if all are as they must be.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
void run();

async function run(): Promise<void> {
  process.exitCode = 1; // of a process that ends too early
  let failures = 0;
  for (const [name, behaviour] of Object.entries(all)) {
    try {
      await behaviour();
      say(`ok ${name}`);
    } catch (error) {
      failures += 1;
      say(`not ok ${name}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  process.exitCode = Math.min(failures, 1);
  const modules = typeof require === "function" ? "require" : "import";
  say(JSON.stringify({ node: process.versions.node, modules, warnings, loaded: loadedPackages() }));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
