import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Program, startProgram } from "./program.js";

const POLL_MILLIS = 250;

/** Whether Prometheus is installed. On CI it has to be. */
export function hasPrometheus(): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.some((folder) => existsSync(join(folder, "prometheus")));
  if (!found && process.env.CI) throw new Error("Prometheus is not installed; .ci/run installs it");
  if (!found) process.stderr.write("Prometheus is not installed: the tests that need it are skipped\n");
  return found;
}

export interface Target {
  /** Its labels `job` and `instance`. */
  readonly name: string;
  /** Where it serves /metrics, without the path. */
  readonly url: string;
}

/** One series of a result; the values are numbers, with the time in seconds since the Unix epoch. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: number])[];
}

/** A rule as Prometheus loaded it. */
export interface LoadedRule {
  readonly type: "recording" | "alerting";
  readonly name: string;
  readonly query: string;
  /** Whether it could be worked out; `unknown` before the first time. */
  readonly health: "ok" | "err" | "unknown";
}

interface Answer<Data> {
  readonly status: "success" | "error";
  readonly error?: string;
  readonly data: Data;
}

interface QueryResult {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value?: readonly [number, string];
    readonly values?: readonly (readonly [number, string])[];
  }[];
}

/** A real Prometheus, which looks at its targets every second. */
export class Prometheus {
  readonly #program: Program;
  readonly #folder: string;

  private constructor(program: Program, folder: string) {
    this.#program = program;
    this.#folder = folder;
  }

  /** @param rules Text of a rules file. */
  static async start(targets: readonly Target[], rules?: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "spanbus-prometheus-"));
    const configuration = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: rules === undefined ? [] : ["rules.yaml"],
      scrape_configs: targets.map(({ name, url }) => ({
        job_name: name,
        static_configs: [{ targets: [new URL(url).host], labels: { instance: name } }],
      })),
    };
    // JSON is YAML.
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(configuration));
    if (rules !== undefined) await writeFile(join(folder, "rules.yaml"), rules);
    const args = [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
    ];
    let program: Program | undefined;
    try {
      program = await startProgram("prometheus", args, {}, /msg="Listening on" address=(127\.0\.0\.1:\d+)/);
      const ready = `${program.url}/-/ready`;
      const prometheus = new Prometheus(program, folder);
      await prometheus.until("Prometheus is ready", async () => (await fetch(ready)).ok);
      return prometheus;
    } catch (error) {
      await program?.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The value now. Fails with what Prometheus says of an expression that is wrong. */
  query(expression: string): Promise<readonly Series[]> {
    return this.#series("query", { query: expression });
  }

  /** The values in a span of time, in seconds. */
  queryRange(expression: string, start: number, end: number, step: number): Promise<readonly Series[]> {
    return this.#series("query_range", { query: expression, start: `${start}`, end: `${end}`, step: `${step}` });
  }

  /** The rules that it loaded, and how they fare. */
  async rules(): Promise<readonly LoadedRule[]> {
    const { groups } = await this.#ask<{ groups: readonly { rules: readonly LoadedRule[] }[] }>("rules");
    return groups.flatMap(({ rules }) => rules);
  }

  /** Waits until it is so. What fails meanwhile is asked again; after `seconds` it fails for good. */
  async until(what: string, isSo: () => Promise<boolean>, seconds = 60): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const { so, error } = await isSo().then(
        (so) => ({ so, error: undefined }),
        (error: unknown) => ({ so: false, error }),
      );
      if (so) return;
      if (performance.now() > deadline) {
        throw new Error(`not within ${seconds} s: ${what}\n${this.#program.output()}`, { cause: error });
      }
      await sleep(POLL_MILLIS);
    }
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #series(path: string, parameters: Record<string, string>): Promise<readonly Series[]> {
    const body = new URLSearchParams(parameters);
    const { result } = await this.#ask<QueryResult>(path, { method: "POST", body });
    return result.map(({ metric, value, values = value ? [value] : [] }) => ({
      metric,
      values: values.map(([time, text]) => [time, numberOf(text)] as const),
    }));
  }

  async #ask<Data>(path: string, request: RequestInit = {}): Promise<Data> {
    const response = await fetch(`${this.#program.url}/api/v1/${path}`, request);
    const { status, error, data } = (await response.json()) as Answer<Data>;
    if (status !== "success") throw new Error(`${path}: ${error} (${request.body ?? ""})`);
    return data;
  }
}

/** Prometheus writes infinities its own way. */
function numberOf(text: string): number {
  return text.endsWith("Inf") ? Number(text.replace("Inf", "Infinity")) : Number(text);
}
