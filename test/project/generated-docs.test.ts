import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { pages } from "../../scripts/docs.js";

it.each(pages)("$path is made from $from (npm run docs)", ({ path, page }) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")).toBe(page());
});
