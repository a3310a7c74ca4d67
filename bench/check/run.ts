import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { oneFile } from "../../scripts/one-file.js";
import { nodeOf } from "../harness/runtime.js";
import { hasValgrind, instructionsOf } from "./instructions.js";
import { ratioOf } from "./ratios.js";
import { workloads } from "./workloads.js";

/**
 * `npm run bench:check` counts the instructions of a few workloads and fails where one takes more than it did by over 15 %;
 * `-- --update` stores what they take now, `-- frame publish` looks at some. Instructions, not time: they are the same on a busy
 * machine. Without valgrind, or with `--ratios`, it compares their time with that of their limit instead.
 */
const AT_ONCE = 2;

/** A way to tell that something got slower. */
interface Method {
  readonly unit: string;
  /** How much more than what is stored is let pass. */
  readonly allowed: number;
  /** That is stored for a version of Node: another one compiles otherwise. */
  readonly node: string;
  readonly stored: Figures;
  store(figures: Figures): void;
  measure(workload: string): Promise<number>;
}

type Figures = Readonly<Record<string, number>>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: "boolean", default: false }, ratios: { type: "boolean", default: false } },
});
const names = Object.keys(workloads).filter((name) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter((name) => !(name in workloads));
if (unknown.length > 0) {
  print(`no such workload: ${unknown.join(", ")}; there are ${Object.keys(workloads).join(", ")}`);
  process.exitCode = 1;
} else await check((await counting()) ?? (await comparing()));

/** Undefined, and said why, where instructions cannot be counted. */
async function counting(): Promise<Method | undefined> {
  if (values.ratios) return undefined;
  const file = new URL("instructions.json", import.meta.url);
  const { node: before, instructions } = read<{ node: string; instructions: Figures }>(file);
  const node = values.update ? process.versions.node : before;
  const executable = (await hasValgrind()) ? await nodeOf(node) : "";
  if (!executable) {
    const why = executable === "" ? "valgrind is not installed (Debian: valgrind)" : `Node ${node} cannot be had`;
    print(`instructions are not counted: ${why}; time is compared with that of the limit, which notices less`);
    return undefined;
  }
  const program = await bundled("child");
  return {
    ...{ unit: "instructions", allowed: 1.15, node },
    stored: node === before ? instructions : {},
    store: (figures) => write(file, { method: "callgrind", node, instructions: figures }),
    measure: async (workload) => Math.round(await instructionsOf(executable, program, workload)),
  };
}

async function comparing(): Promise<Method> {
  const file = new URL("ratios.json", import.meta.url);
  const byNode = read<Record<string, Figures>>(file);
  const [node = ""] = process.versions.node.split(".");
  const program = await bundled("ratio");
  return {
    ...{ unit: "times its limit", allowed: 1.5, node },
    stored: byNode[node] ?? {},
    store: (figures) => write(file, { ...byNode, [node]: figures }),
    measure: (workload) => ratioOf(program, workload),
  };
}

function bundled(program: string): Promise<string> {
  const into = new URL(`../../.cache/bench-check-${program}.mjs`, import.meta.url);
  return oneFile(new URL(`${program}.ts`, import.meta.url), into);
}

async function check(method: Method): Promise<void> {
  const measured = new Map<string, number>();
  const left = [...names];
  const measure = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      measured.set(name, await method.measure(name));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, measure));
  if (values.update) method.store({ ...method.stored, ...Object.fromEntries(measured) });
  const slower = names.filter((name) => report(method, name, measured.get(name) ?? 0));
  if (values.update || slower.length === 0) return;
  print(`\nslower by more than ${Math.round((method.allowed - 1) * 100)} %, or not stored: ${slower.join(", ")}`);
  print("If that is the price of something that is worth it: npm run bench:check -- --update");
  process.exitCode = 1;
}

/** Prints a line; true if it is to be complained of. */
function report({ unit, allowed, node, stored }: Method, name: string, now: number): boolean {
  const before = stored[name];
  const says = workloads[name as keyof typeof workloads].says;
  if (before === undefined) {
    print(`${name}: ${shown(now)} ${unit}, none stored for Node ${node} (${says})`);
    return !values.update;
  }
  const ratio = now / before;
  print(`${name}: ${shown(now)} ${unit}, stored ${shown(before)}, ${ratio.toFixed(3)} times (${says})`);
  return ratio > allowed;
}

function shown(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3));
}

function read<T>(file: URL): T {
  return JSON.parse(readFileSync(file, "utf8")) as T;
}

function write(file: URL, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
