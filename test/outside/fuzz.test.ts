import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { UserProject } from "../../scripts/user-project.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";

const tests = fileURLToPath(new URL("..", import.meta.url));

/** Plays the programs of two seeds on the providers of SDK 3, and prints what was not as promised. */
const program = `
  import { context } from "@opentelemetry/api";
  import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
  import { LoggerProvider } from "@opentelemetry/sdk-logs";
  import { TracerProvider } from "@opentelemetry/sdk-trace";
  import { playAll } from "./fuzz/play.js";

  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const sdk3 = (processors) => {
    const tracing = new TracerProvider({ spanProcessors: processors });
    const logging = new LoggerProvider({ processors });
    return { tracer: (scope) => tracing.getTracer(scope), logger: (scope) => logging.getLogger(scope) };
  };
  const complaints = [];
  for (const seed of process.argv.slice(2)) complaints.push(...(await playAll(Number(seed), 120, sdk3)));
  console.log(JSON.stringify(complaints));
  process.exit();
`;

it(`whatever an application does with spans of OpenTelemetry SDK 3, the bus keeps its promises: FC_SEED=${freshSeed}`, async () => {
  const project = await UserProject.install("test/outside/otel-3");
  for (const part of ["fuzz", "dice.ts"]) cpSync(join(tests, part), join(project.folder, part), { recursive: true });
  writeFileSync(join(project.folder, "fuzz-on-sdk-3.ts"), program);
  const options = { timeoutMillis: 280_000 };
  expect(JSON.parse(await project.program("fuzz-on-sdk-3.ts", [`${FIXED_SEED}`, `${freshSeed}`], options))).toEqual([]);
});
