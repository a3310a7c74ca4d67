import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Alert, alerts, type Recording, recordings } from "./rules.js";

/** What `dashboards/prometheus-rules.yaml` must hold. */
export function rulesYaml(): string {
  return `# Written by \`npm run dashboards\` from dashboards/rules.ts. Do not edit by hand. Needs Prometheus 2.42 or later.
#
# Counters stand in rates and increases only, series by series, so a restart of a process is no negative number and each
# process and each bus in it is an alert of its own. They are there with 0 from the moment a bus is observed: the first
# increment ever is seen.
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
        expr: ${quoted(expr)}
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("prometheus-rules.yaml", import.meta.url), rulesYaml());
}
