import { expect, it } from "vitest";
import { benchProject } from "../../bench/harness/project.js";

interface ListedRow {
  readonly name: string;
  readonly packages?: string;
  readonly cases: readonly string[];
}

// Each case proves that the right events arrive before it measures; here it measures for a millisecond.
const project = await benchProject("bench");
const rows: ListedRow[] = JSON.parse(await project.run("node", ["child.js"]));
const cases = rows
  .filter(({ packages = "bench" }) => packages === "bench")
  .flatMap((row) => row.cases.map((name, index) => ({ row: row.name, name, index })));

it.each(cases)("$row: $name delivers what it should", async ({ row, index }) => {
  const args = ["--expose-gc", "child.js", row, String(index)];
  const figures = JSON.parse(await project.run("node", args, { env: { BENCH_MILLIS: "1" } }));
  expect(Object.keys(figures).length).toBeGreaterThan(0);
});
