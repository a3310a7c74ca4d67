import { rows } from "./rows/index.js";

/** Runs one case in this process and prints its figures: `node child.js <row> <index of the case>`. */
const [name, index] = process.argv.slice(2);
const found = rows.find((row) => row.name === name)?.cases[Number(index)];
if (!found) throw new Error(`no such case: ${name} ${index}`);
const measure = await found.load();
const figures = await measure();
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
