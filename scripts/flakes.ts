// Runs tests again and again, each time in another order, while all cores are busy. Stops at the first failure.
//   npm run test:flakes -- [--times 20] [--burners <cores>] [--seed <number>] [test/bus ...]
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

const { values, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: "string", default: "20" },
    burners: { type: "string", default: String(availableParallelism()) },
    /** Of the first repetition; each further one has the next number. */
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
  },
});
/** By SIGTERM: what the tests then say is no failure. */
let stopped = false;
const times = count("times", values.times);
const firstSeed = count("seed", values.seed);
const burners = Array.from({ length: count("burners", values.burners) }, burn);

try {
  process.exitCode = await repeat();
} finally {
  for (const burner of burners) burner.kill("SIGKILL");
}

async function repeat(): Promise<number> {
  for (let index = 0; index < times; index += 1) {
    const seed = firstSeed + index;
    const began = performance.now();
    const { code, output } = await runOnce(seed);
    if (stopped) return 1;
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${index + 1} of ${times}: seed ${seed}, ${seconds} s, ${code === 0 ? "passed" : "FAILED"}`);
    if (code === 0) continue;
    console.log(`${output}\nAgain: npm run test:flakes -- --times 1 --seed ${seed} ${parts.join(" ")}`);
    return 1;
  }
  console.log(`${times} times in random order beside ${burners.length} burners, without a failure`);
  return 0;
}

async function runOnce(seed: number): Promise<{ code: number; output: string }> {
  const order = ["--sequence.shuffle.files", "--sequence.shuffle.tests", `--sequence.seed=${seed}`];
  // Load makes everything slow; only what hangs shall fail by its time.
  const patient = ["--testTimeout=300000", "--hookTimeout=300000"];
  const args = ["run", "--project", "inside", "--bail=1", "--retry=0", ...order, ...patient, ...parts];
  const run = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  for (const stream of [run.stdout, run.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const stop = (): void => {
    stopped = true;
    run.kill();
  };
  process.once("SIGTERM", stop);
  const [code, signal] = (await once(run, "close")) as [number | null, NodeJS.Signals | null];
  process.off("SIGTERM", stop);
  return { code: code ?? 1, output: signal ? `${output}\nvitest was ended by ${signal}` : output };
}

/** A process that does nothing but keep a core busy. It ends with this one, also when this one is killed. */
function burn(): ChildProcess {
  const program =
    "process.on('disconnect', () => process.exit()); (function spin() { const end = Date.now() + 200; while (Date.now() < end); setImmediate(spin); })()";
  return spawn(process.execPath, ["-e", program], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

function count(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`--${name} must be a whole number of at most nine digits, got ${JSON.stringify(text)}`);
}
