import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { eventsPage, statsPage } from "../../scripts/docs.js";

it.each([
  ["docs/EVENTS.md", "the catalogue", eventsPage],
  ["docs/STATS.md", "the table of figures", statsPage],
])("%s is what %s says (npm run docs)", (path, _table, page) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")).toBe(page());
});
