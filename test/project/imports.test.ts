import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Part, type Sources, violations } from "./source-rules.js";

/** The event and the table its types are made from. */
const event = ["bus/event.ts", "bus/catalogue.ts"];

/** Who may import whom. The hub knows nobody; the outlets know only the hub. */
const parts: readonly Part[] = [
  { name: "bus" },
  { name: "conventions", parts: event, tableType: "Convention" },
  { name: "otel", parts: ["bus", "conventions"], packages: ["@opentelemetry/api"] },
  { name: "wire", parts: event },
  { name: "metrics", parts: ["bus"], packages: ["@opentelemetry/api"] },
  { name: "http", parts: ["bus", "wire"], node: true },
  { name: "client", parts: ["bus", "wire"], packages: ["eventsource-parser"] },
  { name: "page", parts: ["bus", "client"], packages: ["preact", "preact/hooks"] },
  // Inlets for one SDK each.
  { name: "ai-sdk", parts: ["bus", "otel"], packages: ["@opentelemetry/api"], node: true },
  { name: "openai-agents", parts: ["bus", "otel"], packages: ["@opentelemetry/api"] },
  { name: "redis", parts: ["bus", "wire"], node: true },
  { name: "ag-ui", parts: ["bus"] },
  { name: "testing", parts: ["bus"] },
  {
    name: "cli",
    parts: ["bus", "wire", "client", "http", "metrics", "index"],
    // All but the API are for `spanbus demo` alone, and built into it.
    packages: [
      "@hono/node-server",
      "@opentelemetry/api",
      "@opentelemetry/context-async-hooks",
      "@opentelemetry/exporter-prometheus",
      "@opentelemetry/sdk-metrics",
      "@opentelemetry/sdk-trace-base",
    ],
    node: true,
  },
  { name: "index", parts: ["bus", "otel", "conventions"] },
  { name: "register", parts: ["otel"] },
];

const src = new URL("../../src/", import.meta.url);

function sources(): Sources {
  const paths = readdirSync(src, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
  const modules = paths.filter((path) => path.endsWith(".ts"));
  return Object.fromEntries(modules.map((path) => [path, readFileSync(new URL(path, src), "utf8")]));
}

it("src/ keeps to the rules", () => {
  expect(violations(sources(), parts)).toEqual([]);
});

describe("the rules find", () => {
  const house: Sources = {
    "bus/event.ts": "export type E = 1;",
    "bus/hub.ts": "export class Hub {}",
    "conventions/convention.ts": "export type C = 1;",
    "conventions/one.ts": "export const one: Convention = { name: 1 };",
    "conventions/two.ts": "export const two = {} as const satisfies Convention;",
    "conventions/interpreter.ts": "export class Interpreter { constructor(readonly all: readonly Convention[]) {} }",
    "conventions/index.ts":
      'export * from "./one.js"; export * from "./two.js"; export const all: readonly Convention[] = [one, two];',
    "otel/bus.ts": "export class B {}",
    "wire/json.ts": "",
    "http/index.ts": "",
    "redis.ts": "",
    "client.ts": "",
    "index.ts": "",
  };
  const found = (path: string, source: string) => violations({ ...house, [path]: source }, parts);

  it("nothing wrong in a house that keeps to them", () => {
    expect(violations(house, parts)).toEqual([]);
  });

  it.each([
    ["bus/a.ts", 'import { B } from "../otel/bus.js";', "imports src/otel/bus.ts"],
    ["bus/a.ts", 'import type { B } from "../otel/bus.js";', "imports src/otel/bus.ts"],
    ["bus/a.ts", 'export type X = import("../otel/bus.js").B;', "imports src/otel/bus.ts"],
    ["bus/a.ts", 'import { context } from "@opentelemetry/api";', "imports @opentelemetry/api"],
    ["bus/a.ts", 'export { x } from "node:fs";', "imports node:fs"],
    ["bus/a.ts", "import fs = require('node:fs');", "imports node:fs"],
    ["bus/a.ts", 'export const fs = () => process.getBuiltinModule("node:fs");', "imports node:fs"],
    ["bus/a.ts", 'export * from "fs";', "imports fs"],
    ["bus/a.ts", 'import "./gone.js";', "imports ./gone.js, which is no file of src/"],
    ["bus/a.ts", 'import "spanbus";', "imports spanbus"],
    ["bus/a.ts", "export const f = (x: string) => import(x);", "imports what only shows at run time"],
    ["conventions/three.ts", 'import { one } from "./one.js";', "imports a table, src/conventions/one.ts"],
    ["conventions/interpreter.ts", 'import "./two.js";', "imports a table, src/conventions/two.ts"],
    ["conventions/three.ts", 'import { Hub } from "../bus/hub.js";', "imports src/bus/hub.ts"],
    [
      "otel/a.ts",
      'import type { Span } from "@opentelemetry/sdk-trace-base";',
      "imports @opentelemetry/sdk-trace-base",
    ],
    ["otel/a.ts", 'const s = () => import("node:async_hooks"); s();', "imports node:async_hooks"],
    ["wire/a.ts", 'import { Hub } from "../bus/hub.js";', "imports src/bus/hub.ts"],
    ["http/a.ts", 'import "../redis.js";', "imports src/redis.ts"],
    ["client.ts", 'import "node:http";', "imports node:http"],
    ["index.ts", 'export * from "./http/index.js";', "imports src/http/index.ts"],
    ["extra/a.ts", 'import "../bus/event.js";', "belongs to no known part"],
  ])("an import in %s: %s", (path, source, complaint) => {
    expect(found(path, source)).toEqual([`src/${path}:1 ${complaint}`]);
  });

  it.each([
    ['console.log("x");', "uses console"],
    ["export const say = () => globalThis.console.log(1);", "uses console"],
    ["await Promise.resolve();", "top-level await"],
    ["for await (const x of y()) z(x);", "top-level await"],
    ["let count = 0; export const next = () => ++count;", "module-level state: let"],
    ["export let count = 0;", "module-level state: let"],
    ["const seen = new Map<string, number>();", "module-level state: new Map"],
    ["export const seen = new WeakMap() as WeakMap<object, number>;", "module-level state: new WeakMap"],
    ["const queue: string[] = [];", "module-level state: []"],
    ["const cache: Record<string, string> = {};", "module-level state: {}"],
    ["class A { static count = 0; }", "module-level state: static field"],
    ["class A { static readonly seen = new Set(); }", "module-level state: new Set"],
  ])("%s", (source, complaint) => {
    expect(found("bus/a.ts", source)).toEqual([`src/bus/a.ts:1 ${complaint}`]);
  });

  it.each([
    'import { Hub } from "./hub.js"; export const hub = () => new Hub();',
    "export async function f() { await g(); for await (const x of y()) z(x); }",
    "export function f() { let n = 0; const seen = new Map(); return () => seen.set(n++, 1); }",
    'export const words: ReadonlySet<string> = new Set(["a"]);',
    "export const none: readonly string[] = [];",
    "export const table = { a: 1 } as const;",
    "class A { static readonly limit = 3; #seen = new Map(); }",
    "declare const version: string;",
  ])("nothing wrong with: %s", (source) => {
    expect(found("bus/a.ts", source)).toEqual([]);
  });

  it("the line", () => {
    expect(found("bus/a.ts", '/** One. */\n\nimport "fs";')).toEqual(["src/bus/a.ts:3 imports fs"]);
  });
});
