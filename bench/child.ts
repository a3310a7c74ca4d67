import { rows } from "./rows/index.js";

/** Runs one case in this process and prints its figures: `node child.js <row> <index of the case>`. Without, lists them all. */
const [name, index] = process.argv.slice(2);

if (name === undefined) {
  print(
    rows.map((row) => ({
      name: row.name,
      packages: row.packages,
      nodes: row.nodes,
      needsRedis: row.needsRedis,
      cases: row.cases.map((each) => each.name),
    })),
  );
} else {
  const found = rows.find((row) => row.name === name)?.cases[Number(index)];
  if (!found) throw new Error(`no such case: ${name} ${index}`);
  const measure = await found.load();
  print(await measure());
}

function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
