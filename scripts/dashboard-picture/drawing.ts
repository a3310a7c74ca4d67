import { readFileSync } from "node:fs";
import { expressionFor } from "../../test/prometheus/expression.js";
import type { Prometheus } from "../../test/prometheus/prometheus.js";

/** What is read here of a dashboard of Grafana. */
export interface GrafanaPanel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: Box;
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: FieldDefaults };
}

interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
  /** Only the value at the end is asked for. */
  readonly instant?: boolean;
}

interface FieldDefaults {
  readonly unit?: string;
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly thresholds?: { readonly steps: readonly { readonly value?: number | null; readonly color: string }[] };
}

/** In a grid that is 24 columns wide. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Everything that the page needs to draw. */
export interface Drawing {
  readonly start: number;
  readonly end: number;
  readonly panels: readonly DrawnPanel[];
}

interface DrawnPanel extends Omit<GrafanaPanel, "targets"> {
  readonly series: readonly DrawnSeries[];
}

interface DrawnSeries {
  readonly name: string;
  /** Pairs of time and value; JSON has no NaN, which is no value. */
  readonly points: readonly (readonly [time: number, value: number | null])[];
}

/** The panels of the dashboard as it is shipped, its rows among them. */
export function panelsOf(): readonly GrafanaPanel[] {
  const path = new URL("../../dashboards/grafana-spanbus.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { panels: readonly GrafanaPanel[] }).panels;
}

/** Asks Prometheus for what the panels show of all instances. */
export async function drawingOf(
  prometheus: Prometheus,
  panels: readonly GrafanaPanel[],
  { start, end }: { start: number; end: number },
): Promise<Drawing> {
  const drawn: DrawnPanel[] = [];
  for (const { targets = [], ...panel } of panels) {
    const series: DrawnSeries[] = [];
    for (const { expr, legendFormat = "", instant = false } of targets) {
      const from = instant ? end : start;
      for (const { metric, values } of await prometheus.queryRange(expressionFor(expr), from, end, 1)) {
        const points = values.map(([time, value]) => [time, Number.isFinite(value) ? value : null] as const);
        series.push({ name: nameOf(metric, legendFormat), points });
      }
    }
    series.sort((one, other) => one.name.localeCompare(other.name));
    drawn.push({ ...panel, series });
  }
  return { start, end, panels: drawn };
}

function nameOf(labels: Readonly<Record<string, string>>, legend: string): string {
  return legend.replace(/{{\s*(\w+)\s*}}/g, (_, label: string) => labels[label] ?? "").trim();
}
