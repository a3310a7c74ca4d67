import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { oneFile } from "../../scripts/one-file.js";
import { nodeOf } from "../harness/runtime.js";
import { hasValgrind, instructionsOf } from "./instructions.js";
import { workloads } from "./workloads.js";

/**
 * `npm run bench:check` counts the instructions of a few workloads and fails where one takes more than it did by over 15 %;
 * `-- --update` stores what they take now, `-- frame publish` looks at some. Instructions, not time: they are the same on a busy
 * machine.
 */
const ALLOWED = 1.15;
const AT_ONCE = 2;

interface Stored {
  readonly method: string;
  /** Another version compiles otherwise. */
  readonly node: string;
  /** Instructions per operation. */
  readonly instructions: Readonly<Record<string, number>>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: "boolean", default: false } },
});
const file = new URL("instructions.json", import.meta.url);
const stored = JSON.parse(readFileSync(file, "utf8")) as Stored;
const version = values.update ? process.versions.node : stored.node;

const unknown = positionals.filter((name) => !(name in workloads));
const executable = await nodeOf(version);
if (unknown.length > 0) {
  print(`no such workload: ${unknown.join(", ")}; there are ${Object.keys(workloads).join(", ")}`);
  process.exitCode = 1;
} else if (!(await hasValgrind())) notChecked("valgrind is not installed (Debian: valgrind)");
else if (executable === undefined) notChecked(`Node ${version} cannot be had`);
else await check(executable);

async function check(node: string): Promise<void> {
  const program = await oneFile(
    new URL("child.ts", import.meta.url),
    new URL("../../.cache/bench-check.mjs", import.meta.url),
  );
  const names = Object.keys(workloads).filter((name) => positionals.length === 0 || positionals.includes(name));
  const counted = new Map<string, number>();
  const left = [...names];
  const count = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      counted.set(name, Math.round(await instructionsOf(node, program, name)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, count));
  if (values.update) store(Object.fromEntries(names.map((name) => [name, counted.get(name) ?? 0])));
  const slower = names.filter((name) => report(name, counted.get(name) ?? 0));
  if (values.update || slower.length === 0) return;
  print(`\nslower by more than ${Math.round((ALLOWED - 1) * 100)} %: ${slower.join(", ")}`);
  print("If that is the price of something that is worth it: npm run bench:check -- --update");
  process.exitCode = 1;
}

/** Prints a line; true if it is to be complained of. */
function report(name: string, now: number): boolean {
  const before = stored.instructions[name];
  const says = workloads[name as keyof typeof workloads].says;
  if (before === undefined) {
    print(`${name}: ${now} instructions, none stored (${says})`);
    return !values.update;
  }
  const ratio = now / before;
  print(`${name}: ${now} instructions, stored ${before}, ${ratio.toFixed(3)} times (${says})`);
  return ratio > ALLOWED;
}

function store(instructions: Stored["instructions"]): void {
  const kept = version === stored.node ? stored.instructions : {};
  const next: Stored = { method: "callgrind", node: version, instructions: { ...kept, ...instructions } };
  writeFileSync(file, `${JSON.stringify(next, null, 2)}\n`);
}

/** On CI that is a failure: nobody would notice. */
function notChecked(why: string): void {
  print(`not checked: ${why}`);
  if (process.env["CI"] || values.update) process.exitCode = 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
