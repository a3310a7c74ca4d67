import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { pageModule } from "../../scripts/page.js";
import { script, style } from "../../src/http/page-document.js";

it("src/http/page-document.ts is what src/page/ says (npm run page)", async () => {
  const written = readFileSync(new URL("../../src/http/page-document.ts", import.meta.url), "utf8");
  expect(written === (await pageModule())).toBe(true);
});

it("nothing in the page ends its element or asks for something elsewhere", () => {
  expect(script).not.toMatch(/<\/script|<!--|https?:\/\/(?!www\.w3\.org)/i);
  expect(style).not.toMatch(/<\/style|@import|url\(/i);
});

it("the page does nothing that its policy would forbid", () => {
  expect(script).not.toMatch(/\beval\(|new Function\(|dangerouslySetInnerHTML=|\.insertAdjacentHTML|document\.write/);
});

it("the page is small", () => {
  expect(Buffer.byteLength(script)).toBeLessThan(72_000);
  expect(gzipSync(script + style).length).toBeLessThan(30_000);
});
