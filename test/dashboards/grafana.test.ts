import { readFileSync } from "node:fs";
import type { Dashboard, Panel, RowPanel } from "@grafana/grafana-foundation-sdk/dashboard";
import { defaultDashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import { describe, expect, it } from "vitest";
import { dashboard, dashboardJson } from "../../dashboards/grafana-spanbus.js";
import { rows } from "../../dashboards/panels.js";

const text = readFileSync(new URL("../../dashboards/grafana-spanbus.json", import.meta.url), "utf8");
const built: Dashboard = dashboard();
const all = built.panels ?? [];
const panels = all.filter((panel): panel is Panel => panel.type !== "row");
const headings = all.filter((panel): panel is RowPanel => panel.type === "row");
const targets = panels.flatMap(({ targets = [] }) => targets as Dataquery[]);

/** The squares of the grid that something takes. */
function squares({ gridPos }: Panel | RowPanel): string[] {
  const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {};
  const columns = Array.from({ length: w }, (_, index) => x + index);
  return columns.flatMap((column) => Array.from({ length: h }, (_, index) => `${column},${y + index}`));
}

describe("dashboards/grafana-spanbus.json", () => {
  it("is made from the panels (npm run dashboards)", () => {
    expect(text).toBe(dashboardJson());
  });

  it("holds what the types of Grafana's SDK allow, and nothing that JSON loses", () => {
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(built)));
    expect(text).not.toMatch(/undefined|NaN|\[object/);
  });

  it("is importable: no id of its own, a stable uid, and a schema that Grafana 11 and 12 know", () => {
    expect(built.id ?? null).toBeNull();
    expect(built.uid).toBe("spanbus-event-bus");
    expect(built.schemaVersion).toBe(39);
    expect(built.schemaVersion).toBeLessThanOrEqual(defaultDashboard().schemaVersion);
    expect(built).toMatchObject({ title: "spanbus", refresh: "30s", time: { from: "now-1h", to: "now" } });
    expect(built.tags).toContain("spanbus");
  });

  it("lets the reader choose data source, instances and buses", () => {
    expect(built.templating.list?.map(({ name, type, multi }) => ({ name, type, multi }))).toEqual([
      { name: "datasource", type: "datasource", multi: false },
      { name: "instance", type: "query", multi: true },
      { name: "component", type: "query", multi: true },
    ]);
    for (const variable of built.templating.list?.slice(1) ?? []) {
      expect(variable).toMatchObject({ includeAll: true, allValue: ".*", datasource: { uid: "$datasource" } });
    }
  });

  it("asks the data source that was chosen, and no other", () => {
    for (const asks of [...panels, ...targets])
      expect(asks.datasource).toEqual({ type: "prometheus", uid: "$datasource" });
    expect(text.match(/"uid": "(?!\$datasource|spanbus-event-bus)[^"]*"/g)).toBeNull();
  });

  it("uses no variable that is not there", () => {
    const known = ["__rate_interval", "__all", ...(built.templating.list ?? []).map(({ name }) => name)];
    const used = [...text.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("shows every query of every panel, row by row", () => {
    expect(headings.map(({ title }) => title)).toEqual(rows.map(({ title }) => title));
    const expected = rows.flatMap((row) => row.panels);
    expect(panels.map(({ title }) => title).sort()).toEqual(expected.map(({ title }) => title).sort());
    for (const { title, description, unit, queries } of expected) {
      const panel = panels.find((one) => one.title === title);
      expect(panel).toMatchObject({ description, fieldConfig: { defaults: { unit } } });
      const asked = ((panel?.targets ?? []) as Dataquery[]).map(({ expr, legendFormat }) => ({
        expr,
        legend: legendFormat,
      }));
      expect(asked).toEqual(queries);
    }
  });

  it("asks for a stat what is now, and shows a dash where there is nothing: an incident that is over is not red", () => {
    const stats = panels.filter(({ type }) => type === "stat");
    expect(stats.length).toBe(rows.flatMap((row) => row.panels).filter(({ kind }) => kind === "stat").length);
    for (const { title, targets: asked = [], fieldConfig, options } of stats) {
      expect(asked, title).toMatchObject([{ instant: true, range: false }]);
      expect(fieldConfig?.defaults.noValue, title).toBe("–");
      expect(options, title).toMatchObject({ graphMode: "none" });
    }
    const graphs = panels.filter(({ type }) => type === "timeseries");
    for (const query of graphs.flatMap(({ targets: asked = [] }) => asked)) {
      expect(query).toMatchObject({ instant: false, range: true });
    }
  });

  it("counts the last hour in whole numbers that are written out", () => {
    const lastHour = panels.filter(({ title }) => title?.endsWith("last hour"));
    expect(lastHour.length).toBeGreaterThan(0);
    for (const { title, fieldConfig } of lastHour) {
      expect(fieldConfig?.defaults, title).toMatchObject({ decimals: 0, unit: "none" });
    }
  });

  it("numbers panels and queries without doubles", () => {
    const ids = all.map(({ id }) => id);
    expect(new Set(ids).size).toBe(all.length);
    expect(ids.every((id) => Number.isInteger(id) && Number(id) > 0)).toBe(true);
    for (const { targets: asked = [] } of panels) {
      expect(new Set((asked as Dataquery[]).map(({ refId }) => refId)).size).toBe(asked.length);
    }
  });

  it("lays panels on the grid side by side, none over another or over the edge", () => {
    const taken = all.flatMap(squares);
    expect(new Set(taken).size).toBe(taken.length);
    for (const { gridPos } of all) expect((gridPos?.x ?? 0) + (gridPos?.w ?? 99)).toBeLessThanOrEqual(24);
    const titles = [...all].sort((a, b) => order(a) - order(b)).map(({ title }) => title);
    expect(titles).toEqual(all.map(({ title }) => title));
  });
});

function order({ gridPos }: Panel | RowPanel): number {
  return (gridPos?.y ?? 0) * 24 + (gridPos?.x ?? 0);
}
