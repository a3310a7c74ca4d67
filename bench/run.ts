import { parseArgs } from "node:util";
import { RedisServer } from "../test/redis/redis-server.js";
import { machine } from "./harness/machine.js";
import { measure, type RowResult } from "./harness/measure.js";
import { writePage } from "./harness/page.js";
import { benchProject } from "./harness/project.js";
import { runtimeOf } from "./harness/runtime.js";
import { tablesOf } from "./harness/tables.js";
import { rows } from "./rows/index.js";

/**
 * `npm run bench` measures all rows, `npm run bench -- publish readers` some. `--rounds`, `--millis` and `--nodes 20,24` say
 * how; `--clock cpu` is for a machine that others use, too; `--write` puts the tables and the chart into docs/PERFORMANCE.md.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "4" },
    millis: { type: "string", default: "200" },
    nodes: { type: "string", default: "20,24" },
    clock: { type: "string", default: "wall" },
    write: { type: "boolean", default: false },
  },
});

const wanted = rows.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const unknown = positionals.filter((name) => !rows.some((row) => row.name === name));
if (unknown.length > 0) {
  fail(`no such row: ${unknown.join(", ")}; there are ${rows.map(({ name }) => name).join(", ")}`);
}

const started = performance.now();
const runtimes = [];
for (const major of values.nodes.split(",").map(Number)) {
  const runtime = await runtimeOf(major);
  if (runtime) runtimes.push(runtime);
  else progress(`Node ${major} cannot be had here and is left out`);
}

const folders = new Map<string, string>();
for (const packages of new Set(wanted.map((row) => row.packages ?? "bench"))) {
  progress(`installing ${packages}`);
  folders.set(packages, (await benchProject(packages)).folder);
}

const redis = wanted.some(({ needsRedis }) => needsRedis) ? await RedisServer.start() : undefined;
if (redis) process.env["REDIS_URL"] = redis.url;

const versions = runtimes.map(({ version }) => `Node ${version}`).join(", ");
const clock = values.clock === "cpu" ? " Time of the processor, since others used the machine, too." : "";
const measuredOn = `${machine()} ${versions}, ${values.rounds} rounds.${clock}`;
print(`${measuredOn}\n`);
const results: RowResult[] = [];
for (const row of wanted) {
  print(`## ${row.title}\n\n${row.says}\n`);
  for (const runtime of runtimes.filter(({ major }) => row.nodes?.includes(major) ?? true)) {
    const result = await measure(row, runtime, {
      rounds: Number(values.rounds),
      caseMillis: Number(values.millis),
      clock: values.clock === "cpu" ? "cpu" : "wall",
      folder: folders.get(row.packages ?? "bench") ?? "",
      progress,
    });
    results.push(result);
    print(`${tablesOf(result)}\n`);
  }
}
progress(`took ${Math.round((performance.now() - started) / 1000)} s`);
await redis?.stop();
if (values.write) writePage(results, measuredOn, wanted.length === rows.length);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
