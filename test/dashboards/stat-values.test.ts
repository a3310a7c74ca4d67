import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { metricRows, prometheusName } from "../../dashboards/metric-names.js";
import { rows } from "../../dashboards/panels.js";
import { expressionFor } from "../prometheus/expression.js";
import { hasPromtool, promtool } from "./promtool.js";

/** What was scraped, once a minute. `values` as promtool has them: `0+60x10` grows by 60 ten times. */
interface Scraped {
  readonly series: string;
  readonly values: string;
}

interface Expected {
  readonly expr: string;
  readonly eval_time: string;
  readonly exp_samples: readonly { readonly value: number }[];
}

const stats = rows.flatMap(({ panels }) => panels).filter(({ kind }) => kind === "stat");
const thoseOfNow = stats.filter(({ title }) => !title.endsWith("last hour"));

/** What the stat of this title asks. */
function asked(title: string): string {
  const [query] = stats.find((stat) => stat.title === title)?.queries ?? [];
  if (!query) throw new Error(`there is no stat ${title}`);
  return expressionFor(query.expr, { window: "5m" });
}

function is(title: string, evalTime: string, value: number): Expected {
  return { expr: asked(title), eval_time: evalTime, exp_samples: [{ value }] };
}

function isNone(title: string, evalTime: string): Expected {
  return { expr: asked(title), eval_time: evalTime, exp_samples: [] };
}

async function check(input_series: readonly Scraped[], ...promql_expr_test: readonly Expected[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "spanbus-stats-"));
  const file = join(folder, "stats.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ tests: [{ interval: "1m", input_series, promql_expr_test }] }));
  try {
    expect(await promtool("test", "rules", file)).toContain("SUCCESS");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function calls(of: "execute_tool" | "client_operation", values: string, errorType?: string): Scraped {
  const failed = errorType === undefined ? "" : `,error_type="${errorType}"`;
  return { series: `gen_ai_${of}_duration_count{instance="a",otel_component_name="orders"${failed}}`, values };
}

describe.skipIf(!hasPromtool())("a stat", () => {
  it.each([
    ["Tool failures", "execute_tool"],
    ["Model failures", "client_operation"],
  ] as const)("of %s counts no call that was cancelled", async (title, of) => {
    const cancelled = calls(of, "0+60x10", "AbortError");
    await check([calls(of, "0+120x10"), cancelled, calls(of, "0+60x10", "TimeoutError")], is(title, "10m", 0.25));
    await check([calls(of, "0+120x10"), cancelled], is(title, "10m", 0));
    await check([cancelled], is(title, "10m", 0));
  });

  it("of a part has no value while there is nothing to be a part of", async () => {
    const delivered = { series: 'spanbus_event_delivered_total{instance="a",otel_component_name="orders"}' };
    const dropped = { series: 'spanbus_event_dropped_total{instance="a",otel_component_name="orders"}' };
    await check(
      [
        calls("execute_tool", "0+60x10 600x20"),
        calls("execute_tool", "0+60x10 600x20", "TimeoutError"),
        calls("client_operation", "0+60x10 600x20", "TimeoutError"),
        { ...delivered, values: "0+90x10 900x20" },
        { ...dropped, values: "0+30x10 300x20" },
      ],
      is("Tool failures", "10m", 0.5),
      is("Model failures", "10m", 1),
      is("Lost", "10m", 0.25),
      ...["Tool failures", "Model failures", "Lost"].map((title) => isNone(title, "30m")),
    );
  });

  it.each(thoseOfNow)("$title has no value when the service is gone", async ({ title }) => {
    const names = [...metricRows.values()].flatMap((row) =>
      row.instrument === "histogram"
        ? ["_count", "_sum"].map((part) => `${prometheusName(row)}${part}`)
        : [prometheusName(row)],
    );
    const all = names.map((name) => ({
      series: `${name}{instance="a",otel_component_name="orders",spanbus_run_state="open"}`,
      values: "1+60x10 stale",
    }));
    const hasOne = { expr: `count(${asked(title)})`, eval_time: "10m", exp_samples: [{ value: 1 }] };
    await check(all, hasOne, isNone(title, "20m"));
  });
});
