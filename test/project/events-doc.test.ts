import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { eventsPage } from "../../scripts/docs.js";

it("docs/EVENTS.md is what the catalogue says (npm run docs)", () => {
  expect(readFileSync(new URL("../../docs/EVENTS.md", import.meta.url), "utf8")).toBe(eventsPage());
});
