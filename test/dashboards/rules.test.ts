import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { rulesYaml } from "../../dashboards/prometheus-rules.js";
import { alerts, recordings } from "../../dashboards/rules.js";
import { labelNames, labelsIn, metricsIn, seriesNames } from "./expressions.js";
import { hasPromtool, promtool } from "./promtool.js";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const shipped = read("dashboards/prometheus-rules.yaml");
const tests = read("dashboards/prometheus-rules.test.yaml");
const expressions = [...shipped.matchAll(/^ +expr: (.*(?:\n {10}.*)*)$/gm)].map(([, scalar = ""]) => unquoted(scalar));

function unquoted(scalar: string): string {
  if (scalar.startsWith("|-\n")) return scalar.slice("|-\n".length).replace(/^ {10}/gm, "");
  return scalar.startsWith("'") ? scalar.slice(1, -1).replaceAll("''", "'") : JSON.parse(scalar);
}

/** What the unit tests expect of an alert, case by case: whether it fires. */
function casesOf(alert: string): boolean[] {
  const cases = [...tests.matchAll(/alertname: (\w+)\n +exp_alerts:(.*)/g)];
  return cases.filter(([, name]) => name === alert).map(([, , rest = ""]) => rest.trim() !== "[]");
}

/** The anchors that a page has for its headings. */
function anchorsOf(page: string): string[] {
  const headings = page.replace(/^```[\s\S]*?^```/gm, "").match(/^#+ .+$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("dashboards/prometheus-rules.yaml", () => {
  it("is made from the tables (npm run dashboards)", () => {
    expect(shipped).toBe(rulesYaml());
    expect(expressions).toEqual([...recordings, ...alerts].map(({ expr }) => expr));
  });

  it.skipIf(!hasPromtool())("is what Prometheus understands", async () => {
    const count = recordings.length + alerts.length;
    expect(await promtool("check", "rules", "prometheus-rules.yaml")).toContain(`${count} rules found`);
  });

  it.skipIf(!hasPromtool())("passes its unit tests", async () => {
    expect(await promtool("test", "rules", "prometheus-rules.test.yaml")).toContain("SUCCESS");
  });

  it.each(alerts)("has unit tests in which $name fires, and in which it must not", ({ name }) => {
    expect(casesOf(name)).toContain(true);
    expect(casesOf(name)).toContain(false);
  });

  it.each(recordings)("has a unit test of $record", ({ record }) => {
    expect(tests).toMatch(new RegExp(`- expr: (round\\()?${record}[,\\n]`));
  });

  it.each(expressions)("asks for metrics and labels that exist: %s", (expr) => {
    const recorded = new Set(recordings.map(({ record }) => record));
    const named = expr.match(/\b\w+:\w+:\w+/g) ?? [];
    expect(named.filter((name) => !recorded.has(name))).toEqual([]);
    expect(metricsIn(expr).length + named.length).toBeGreaterThan(0);
    expect(metricsIn(expr).filter((name) => !seriesNames.has(name))).toEqual([]);
    expect(labelsIn(expr).filter((name) => !labelNames.has(name))).toEqual([]);
  });

  it.each(alerts)("$name says which bus of which process, how bad it is and what to do", (alert) => {
    for (const text of [alert.summary, alert.description]) {
      expect(text).toContain("{{ $labels.otel_component_name }}");
      expect(text).toContain("{{ $labels.instance }}");
    }
    const labels = [...`${alert.summary} ${alert.description}`.matchAll(/\$labels\.(\w+)/g)].map(
      ([, name = ""]) => name,
    );
    expect(labels.filter((name) => !labelNames.has(name))).toEqual([]);
    expect(alert.runbook.look.length).toBeGreaterThan(0);
    expect(alert.runbook.act.length).toBeGreaterThan(0);
  });

  it("gives every alert a runbook that exists", () => {
    const urls = [...shipped.matchAll(/runbook_url: (\S+)#(\S+)/g)];
    expect(urls.length).toBe(alerts.length);
    for (const [, path = "", anchor] of urls) {
      expect(existsSync(new URL(`../../${path}`, import.meta.url))).toBe(true);
      expect(anchorsOf(read(path))).toContain(anchor);
    }
  });
});
