import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { distributedPage } from "./pages/distributed.js";
import { eventsPage } from "./pages/events.js";
import { metricsPage } from "./pages/metrics.js";
import { readmePage } from "./pages/readme.js";
import { statsPage } from "./pages/stats.js";

/** The pages that are made from tables. */
export const pages: readonly { readonly path: string; readonly from: string; page(): string }[] = [
  { path: "docs/EVENTS.md", from: "the catalogue", page: eventsPage },
  { path: "docs/STATS.md", from: "the table of figures", page: statsPage },
  { path: "docs/METRICS.md", from: "the tables of metrics and alerts", page: metricsPage },
  { path: "README.md", from: "the matrix of what is tried", page: readmePage },
  { path: "docs/DISTRIBUTED.md", from: "the table of keys", page: distributedPage },
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, page } of pages) writeFileSync(new URL(`../${path}`, import.meta.url), page());
}
