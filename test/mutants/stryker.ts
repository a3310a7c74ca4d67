import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { PartName } from "./parts.js";

/** A change that was made, and what became of it. */
export interface Mutant {
  /** Path of the file, from the root. */
  readonly file: string;
  readonly line: number;
  /** As `changeOf` says it. */
  readonly change: string;
  readonly status: "Killed" | "Timeout" | "Survived" | "NoCoverage" | "RuntimeError" | "CompileError" | "Ignored";
}

interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly ReportedMutant[] }>>;
}

interface ReportedMutant {
  readonly location: { readonly start: Place; readonly end: Place };
  readonly replacement?: string;
  readonly status: Mutant["status"];
}

/** Both count from 1. */
interface Place {
  readonly line: number;
  readonly column: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const stryker = fileURLToPath(new URL("node_modules/@stryker-mutator/core/bin/stryker.js", import.meta.url));
const cache = ".cache/mutants";
const copied = [
  "*.ts",
  "mutants/*.ts",
  "fixtures/**",
  "memory/garbage.ts",
  "bus/**",
  "conventions/**",
  "model/**",
  "otel/**",
];

/** Makes the mutants of a part, or of some of its files, and runs the tests on each. What did not change is not run again. */
export async function mutantsOf(part: PartName, files: readonly string[], concurrency: number): Promise<Mutant[]> {
  const report = `${cache}/${part}-report.json`;
  const options = {
    testRunner: "vitest",
    vitest: { configFile: "test/mutants/vitest.config.ts", related: false },
    coverageAnalysis: "perTest",
    mutate: files,
    // All else stays out of the copy in which the tests run.
    ignorePatterns: ["*", "!package.json", "!vitest.config.ts", "!src/**", ...copied.map((path) => `!test/${path}`)],
    tempDirName: `${cache}/copies`,
    // Its preprocessors know neither our compiler nor that nobody compiles here.
    tsconfigFile: "none",
    disableTypeChecks: false,
    incremental: true,
    incrementalFile: `${cache}/${part}.json`,
    concurrency,
    // A test that waits in vain fails by itself, after 4 s; this is for what never comes back.
    timeoutMS: 8000,
    reporters: ["progress-append-only", "json"],
    jsonReporter: { fileName: report },
  };
  mkdirSync(`${root}/${cache}`, { recursive: true });
  writeFileSync(`${root}/${cache}/${part}-options.json`, JSON.stringify(options, undefined, 2));
  const run = spawn(process.execPath, [stryker, "run", `${cache}/${part}-options.json`], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, MUTANTS_PART: part },
  });
  const [code] = await once(run, "close");
  if (code !== 0) throw new Error(`stryker ended with ${code}`);
  return readMutants(JSON.parse(readFileSync(`${root}/${report}`, "utf8")) as Report, files);
}

function readMutants(report: Report, files: readonly string[]): Mutant[] {
  return files.flatMap((file) => {
    const { source, mutants } = report.files[file] ?? { source: "", mutants: [] };
    const lines = source.split("\n");
    return mutants.map((mutant) => ({
      file,
      line: mutant.location.start.line,
      change: changeOf(lines, mutant),
      status: mutant.status,
    }));
  });
}

/** What the mutant changes, in brackets, with a little of what is around it: `if ([a < b → true]) return`. */
function changeOf(lines: readonly string[], { location: { start, end }, replacement = "" }: ReportedMutant): string {
  const touched = lines.slice(start.line - 1, end.line);
  const head = (touched[0] ?? "").slice(0, start.column - 1);
  const tail = (touched.at(-1) ?? "").slice(end.column - 1);
  const before = inOneLine(touched.join("\n"));
  const after = inOneLine(head + replacement + tail);
  const shorter = Math.min(before.length, after.length);
  let same = 0;
  while (same < shorter && before[same] === after[same]) same += 1;
  let sameBehind = 0;
  while (sameBehind < shorter - same && before.at(-1 - sameBehind) === after.at(-1 - sameBehind)) sameBehind += 1;
  const [gone, come] = [before, after].map((code) => cut(code.slice(same, code.length - sameBehind), 60));
  const behind = before.slice(before.length - sameBehind);
  return `${before.slice(Math.max(0, same - 40), same)}[${gone} → ${come}]${behind.slice(0, 25)}`.trim();
}

function inOneLine(code: string): string {
  return code.replace(/\s+/g, " ").trim();
}

function cut(code: string, length: number): string {
  return code.length > length ? `${code.slice(0, length - 1)}…` : code;
}
