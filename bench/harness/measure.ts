import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Figures, Row } from "./row.js";
import type { Runtime } from "./runtime.js";
import { shuffled } from "./statistics.js";

const execute = promisify(execFile);
const TIMEOUT_MILLIS = 120_000;

/** A case and what it measured, round by round. */
export interface CaseResult {
  readonly name: string;
  readonly less?: string;
  readonly rounds: Figures[];
  /** Why it is out. */
  failure?: string;
}

/** What a row measured with one version of Node. */
export interface RowResult {
  readonly row: Row;
  readonly runtime: Runtime;
  readonly cases: readonly CaseResult[];
  /** The first case once more, in the same rounds. */
  readonly again: CaseResult;
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly caseMillis: number;
  /** Time that passes, or that the process has. */
  readonly clock: "wall" | "cpu";
  /** Where the compiled benchmarks lie, with their packages. */
  readonly folder: string;
  readonly progress: (text: string) => void;
}

/** Runs each case in a process of its own, all of them once per round and in another order each time. */
export async function measure(row: Row, runtime: Runtime, options: MeasureOptions): Promise<RowResult> {
  const cases = row.cases.map(({ name, less }): CaseResult => ({ name, ...(less && { less }), rounds: [] }));
  const again: CaseResult = { name: `${cases[0]?.name}, once more`, rounds: [] };
  const entrants = [...cases.map((result, index) => ({ result, index })), { result: again, index: 0 }];
  const rounds = Math.min(options.rounds, row.maxRounds ?? options.rounds);
  for (let round = 1; round <= rounds; round += 1) {
    options.progress(`${row.name}, Node ${runtime.version}: round ${round} of ${rounds}`);
    for (const { result, index } of shuffled(entrants)) {
      if (result.failure !== undefined) continue;
      try {
        result.rounds.push(await runCase(row, index, runtime, options));
      } catch (error) {
        result.failure = firstLine(error);
        options.progress(`${row.name}: ${result.name} is out: ${result.failure}`);
      }
    }
  }
  const absent = Object.entries(row.absent ?? {}).map(([name, failure]): CaseResult => ({ name, rounds: [], failure }));
  return { row, runtime, cases: [...cases, ...absent], again };
}

async function runCase(row: Row, index: number, { executable }: Runtime, options: MeasureOptions): Promise<Figures> {
  // Time that helpers have is no time of the program's.
  const helpers = options.clock === "cpu" ? ["--single-threaded-gc"] : [];
  const args = ["--expose-gc", ...helpers, "child.js", row.name, String(index)];
  const { stdout } = await execute(executable, args, {
    cwd: options.folder,
    env: {
      ...process.env,
      BENCH_MILLIS: String(options.caseMillis),
      BENCH_CLOCK: options.clock,
      NODE_ENV: "production",
    },
    timeout: TIMEOUT_MILLIS,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Figures;
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return /^\w*Error.*$/m.exec(stderr ?? "")?.[0] ?? message.split("\n")[0] ?? "failed";
}
