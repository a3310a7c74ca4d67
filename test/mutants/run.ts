import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { filesOf, type PartName, parts } from "./parts.js";
import { type Mutant, mutantsOf } from "./stryker.js";
import { survivors } from "./survivors.js";

/**
 * `npm run test:mutants` changes the code in thousands of places, one at a time, and looks whether a test fails. It fails itself
 * where less than 90 % were noticed, and tells which were not that `survivors.ts` does not have. `-- bus` does one part,
 * `-- bus/ring bus/reader` some files; `--concurrency 1` leaves the machine to others.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { concurrency: { type: "string", default: String(Math.max(1, availableParallelism() - 1)) } },
});

const NEEDED = 90;
const wanted = positionals.length > 0 ? positionals : Object.keys(parts);
const all = (Object.keys(parts) as PartName[]).flatMap((part) => filesOf(part).map((file) => ({ part, file })));
const chosen = all.filter(({ part, file }) => wanted.some((name) => name === part || file === `src/${name}.ts`));
const unknown = wanted.filter((name) => !all.some(({ part, file }) => name === part || file === `src/${name}.ts`));

if (unknown.length > 0) {
  fail(`no such part: ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}, and their files, as bus/ring`);
} else {
  for (const part of Object.keys(parts) as PartName[]) {
    const files = chosen.filter((each) => each.part === part).map(({ file }) => file);
    if (files.length > 0) judge(part, files, await mutantsOf(part, files, Number(values.concurrency)));
  }
}

/** Prints the score of each file, and who survived without being known. */
function judge(part: PartName, files: readonly string[], mutants: readonly Mutant[]): void {
  print(`\n| ${part} | mutants | noticed | survived | score |\n| --- | ---: | ---: | ---: | ---: |`);
  for (const file of files) {
    const own = mutants.filter((mutant) => mutant.file === file);
    if (own.length > 0) printScore(file, own);
  }
  const score = printScore("together", mutants);
  print("");
  for (const { file, line, change, status } of mutants.filter((mutant) => isAlive(mutant) && !isKnown(mutant))) {
    print(`survived: ${file}:${line} ${change}${status === "NoCoverage" ? " (no test comes here)" : ""}`);
  }
  for (const change of forgotten(files, mutants)) print(`in the list, and no survivor: ${change}`);
  if (score < NEEDED) fail(`${part}: ${score.toFixed(1)} % were noticed, ${NEEDED} % are needed`);
}

function printScore(name: string, mutants: readonly Mutant[]): number {
  const alive = mutants.filter(isAlive).length;
  const counted = mutants.filter(isCounted).length;
  if (counted === 0) return 100;
  const score = (100 * (counted - alive)) / counted;
  print(`| ${name} | ${counted} | ${counted - alive} | ${alive} | ${score.toFixed(1)} % |`);
  return score;
}

function isAlive({ status }: Mutant): boolean {
  return status === "Survived" || status === "NoCoverage";
}

/** One that does not even run says nothing of the tests. */
function isCounted(mutant: Mutant): boolean {
  return isAlive(mutant) || mutant.status === "Killed" || mutant.status === "Timeout";
}

function isKnown({ file, change }: Mutant): boolean {
  return (survivors[file] ?? []).some(({ changes }) => changes.includes(change));
}

/** Changes in the list that were noticed now, or are not made any more. */
function forgotten(files: readonly string[], mutants: readonly Mutant[]): string[] {
  return files.flatMap((file) => {
    const alive = new Set(
      mutants.filter((mutant) => mutant.file === file && isAlive(mutant)).map(({ change }) => change),
    );
    return (survivors[file] ?? []).flatMap(({ changes }) => changes.filter((change) => !alive.has(change)));
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(why: string): void {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
}
