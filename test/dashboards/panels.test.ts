import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { metricRows, prometheusName } from "../../dashboards/metric-names.js";
import { rows } from "../../dashboards/panels.js";
import { expressionFor } from "../prometheus/expression.js";
import { labelNames, labelsIn, metricsIn, seriesNames } from "./expressions.js";
import { hasPromtool, promtool } from "./promtool.js";

const panels = rows.flatMap((row) => row.panels);
const queries = panels.flatMap(({ title, queries }) => queries.map((query) => ({ title, ...query })));

describe("the panels", () => {
  it("answer three questions, and tell what goes between processes", () => {
    expect(rows.map(({ title }) => title)).toEqual([
      "Is the bus healthy?",
      "What is it holding?",
      "What are the agents doing?",
      "Many processes",
    ]);
  });

  it("have titles of their own, and descriptions", () => {
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(panels.filter(({ description }) => !/\.$/.test(description))).toEqual([]);
  });

  it("show every metric there is", () => {
    const shown = new Set(
      queries.flatMap(({ expr }) => metricsIn(expr)).map((name) => name.replace(/_(bucket|count|sum)$/, "")),
    );
    const all = [...metricRows.values()].map((row) => prometheusName(row).replace(/_(count|sum)$/, ""));
    expect(all.filter((name) => !shown.has(name))).toEqual([]);
  });

  it.each(queries)("$title asks for metrics and labels that exist: $expr", ({ expr, legend }) => {
    expect(metricsIn(expr).length).toBeGreaterThan(0);
    expect(metricsIn(expr).filter((name) => !seriesNames.has(name))).toEqual([]);
    expect(labelsIn(expr).filter((name) => !labelNames.has(name))).toEqual([]);
    const named = [...legend.matchAll(/{{(\w+)}}/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !labelsIn(expr).includes(name))).toEqual([]);
  });

  it.each(queries)("$title obeys the choice of instance and bus: $expr", ({ expr }) => {
    const selected = expr.match(/\{[^}]*\}/g) ?? [];
    expect(selected.length).toBeGreaterThan(0);
    for (const matchers of selected) {
      expect(matchers).toContain('instance=~"$instance"');
      expect(matchers).toContain('otel_component_name=~"$component"');
    }
  });

  it.skipIf(!hasPromtool())("ask what Prometheus understands", async () => {
    const folder = mkdtempSync(join(tmpdir(), "spanbus-panels-"));
    const file = join(folder, "panels.yaml");
    const rules = queries.map(({ expr }, index) => ({ record: `panel:${index}`, expr: expressionFor(expr) }));
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    try {
      expect(await promtool("check", "rules", file)).toContain(`${queries.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
