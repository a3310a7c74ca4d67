import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Alert, alerts, type Recording, recordings } from "./rules.js";

/** What `dashboards/prometheus-rules.yaml` must hold. */
export function rulesYaml(): string {
  return `# Written by \`npm run dashboards\` from dashboards/rules.ts. Do not edit by hand. Needs Prometheus 2.42 or later.
#
# Counters are compared series by series, so each process, and each bus in it, is an alert of its own, and a restart is no
# negative number. A counter that is above 0 when it is read for the first time, or after an hour in which nobody read it,
# counts from 0: what happened before the first scrape rings.
groups:
  - name: spanbus-recordings
    rules:
${recordings.map(recordingYaml).join("\n")}
  - name: spanbus-alerts
    rules:
${alerts.map(alertYaml).join("\n")}`;
}

/** Where the runbook of an alert stands. */
export function runbookUrl({ name }: Alert): string {
  return `docs/METRICS.md#${name.toLowerCase()}`;
}

function recordingYaml({ record, says, expr }: Recording): string {
  return `      # ${says}
      - record: ${record}
        expr: ${quoted(expr)}
`;
}

function alertYaml(alert: Alert): string {
  const { name, expr, severity, summary, description } = alert;
  const optional = [
    ...(alert.for ? [`        for: ${alert.for}\n`] : []),
    ...(alert.keepFiringFor ? [`        keep_firing_for: ${alert.keepFiringFor}\n`] : []),
  ];
  return `      - alert: ${name}
        expr: ${block(expr)}
${optional.join("")}        labels:
          severity: ${severity}
        annotations:
          summary: ${quoted(summary)}
          description: ${quoted(description)}
          runbook_url: ${runbookUrl(alert)}
`;
}

/** A scalar of YAML: in single quotes where it has double ones, which spares it the backslashes. */
function quoted(text: string): string {
  return text.includes('"') ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);
}

/** An expression of several lines stays so. */
function block(expr: string): string {
  return expr.includes("\n") ? ["|-", ...expr.split("\n")].join(`\n${" ".repeat(10)}`) : quoted(expr);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("prometheus-rules.yaml", import.meta.url), rulesYaml());
}
