import type { RowResult } from "./measure.js";
export async function writePage(_results: readonly RowResult[]): Promise<void> {}
