import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What was measured on, in a line. */
export function machine(): string {
  const models = [...new Set(cpus().map(({ model }) => model.trim()))].join(", ");
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const load = (loadavg()[0] ?? 0).toFixed(1);
  const day = new Date().toISOString().slice(0, 10);
  return `${day}: ${cpus().length} × ${models}, ${gibibytes} GiB, ${type()} ${release()}; load ${load} when it began.`;
}

/** The packages that are compared, with the versions that their lock file says. */
export function packageVersions(lockFile: URL, names: readonly string[]): string {
  const { packages } = JSON.parse(readFileSync(lockFile, "utf8")) as { packages: Record<string, { version: string }> };
  return names.map((name) => `${name} ${packages[`node_modules/${name}`]?.version}`).join(", ");
}
