import {
  attributes,
  label,
  metricRows,
  prometheusName,
  prometheusNameOverOtlp,
} from "../../dashboards/metric-names.js";

const histogramParts = ["_bucket", "_count", "_sum"];

/** Every name that a series of the package has in Prometheus, scraped or over OTLP. */
export const seriesNames: ReadonlySet<string> = new Set(
  [...metricRows.values()].flatMap((row) => {
    const names = [prometheusName(row), prometheusNameOverOtlp(row)];
    if (row.instrument !== "histogram") return names;
    return names.flatMap((name) => histogramParts.map((part) => `${name}${part}`));
  }),
);

/** Labels of the series: their attributes, and what Prometheus gives them. */
export const labelNames: ReadonlySet<string> = new Set([...attributes.map(label), "instance", "job", "le"]);

/** The metrics that an expression asks for, each by all its names. */
export function metricsIn(expr: string): string[] {
  const byPattern = [...expr.matchAll(/__name__=~"([^"]*)"/g)].flatMap(([, pattern = ""]) => spelledOut(pattern));
  return [...byPattern, ...words(withoutStrings(expr)).filter((word) => !labelNames.has(word))];
}

/** The labels that an expression matches or groups by. */
export function labelsIn(expr: string): string[] {
  const code = withoutStrings(expr);
  const matched = [...code.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name = ""]) => name);
  const grouped = [...code.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.trim()),
  );
  return [...matched, ...grouped].filter((name) => name !== "__name__");
}

/** Names of this package; recorded figures, which have colons, are not among them. */
function words(code: string): string[] {
  return (code.match(/[\w:]+/g) ?? []).filter((word) => /^(spanbus|gen_ai)_\w+$/.test(word));
}

function withoutStrings(expr: string): string {
  return expr.replace(/"[^"]*"/g, '""');
}

/** `a(_b)?_c`: a_b_c, a_c. */
function spelledOut(pattern: string): string[] {
  const [, before = pattern, optional = "", after = ""] = /^(\w+)\((\w+)\)\?(\w*)$/.exec(pattern) ?? [];
  return [`${before}${optional}${after}`, `${before}${after}`];
}
