import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel as GrafanaPanel,
  type GridPos,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, QueryEditorMode } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { label, select } from "./metric-names.js";
import { type Panel, type Row, rows } from "./panels.js";

/** The dashboard of Grafana, made from the panels. */

/** That of Grafana 11.0. Later ones bring a dashboard up to theirs when they load it. */
const SCHEMA_VERSION = 39;
const WIDTH = 24;
const STAT_HEIGHT = 4;
const GRAPH_HEIGHT = 8;
const GRAPHS_IN_A_LINE = 3;
/** Stands on one line, as the formatter of the house has it. */
const LIST_OF_WORDS = /\[\s+"[^"[\]]*"(,\s+"[^"[\]]*")*\s+\]/g;

/** What each bus, relay or source has. */
const everywhere = [
  "spanbus.event.published",
  "spanbus.relay.event.relayed",
  "spanbus.source.event.delivered",
] as const;

/** The one that is chosen at the top of the dashboard. */
const datasource: DataSourceRef = { type: "prometheus", uid: "$datasource" };

/** What `dashboards/grafana-spanbus.json` must hold. */
export function dashboardJson(): string {
  const lines = JSON.stringify(dashboard(), null, 2);
  return `${lines.replace(LIST_OF_WORDS, (list) => JSON.stringify(JSON.parse(list)).replaceAll('","', '", "'))}\n`;
}

export function dashboard(): Dashboard {
  const builder = new DashboardBuilder("spanbus")
    .uid("spanbus-event-bus")
    .description(
      "Event buses observed by spanbus/metrics: whether they are healthy, what they hold, what their agents do, and what goes from process to process.",
    )
    .tags(["spanbus", "opentelemetry", "agents"])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .variables(variables())
    .annotations([]);
  for (const { id, gridPos, row, panel } of laidOut(rows)) {
    if (panel) builder.withPanel(grafanaPanel(panel, id, gridPos));
    else builder.withRow(new RowBuilder(row.title).id(id).gridPos(gridPos));
  }
  return { ...builder.build(), schemaVersion: SCHEMA_VERSION };
}

function variables(): Builder<VariableModel>[] {
  const any = `__name__=~"${everywhere.map((metric) => select(metric)).join("|")}"`;
  const component = label("otel.component.name");
  return [
    new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    labelValues("instance", "Instance", `label_values({${any}}, instance)`),
    labelValues("component", "Component", `label_values({${any},instance=~"$instance"}, ${component})`),
  ];
}

/** Any number of the values that a label has. All of them, unless some are chosen. */
function labelValues(name: string, title: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(title)
    .datasource(datasource)
    .query({ qryType: 1, query, refId: "PrometheusVariableQueryEditor-VariableQuery" })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

interface Place {
  readonly id: number;
  readonly gridPos: GridPos;
  readonly row: Row;
  /** Undefined: the heading of the row. */
  readonly panel?: Panel;
}

/** Under the heading of a row its stats side by side, then its graphs. */
function laidOut(rows: readonly Row[]): readonly Place[] {
  const places: Place[] = [];
  let y = 0;
  for (const row of rows) {
    const add = (panels: readonly Panel[], inALine: number, h: number): void => {
      const w = WIDTH / inALine;
      for (const [index, panel] of panels.entries()) {
        const place = { x: (index % inALine) * w, y: y + Math.floor(index / inALine) * h, w, h };
        places.push({ id: places.length + 1, gridPos: place, row, panel });
      }
      y += Math.ceil(panels.length / inALine) * h;
    };
    places.push({ id: places.length + 1, gridPos: { x: 0, y, w: WIDTH, h: 1 }, row });
    y += 1;
    const stats = row.panels.filter(({ kind }) => kind === "stat");
    add(stats, stats.length, STAT_HEIGHT);
    add(
      row.panels.filter(({ kind }) => kind === "timeseries"),
      GRAPHS_IN_A_LINE,
      GRAPH_HEIGHT,
    );
  }
  return places;
}

function grafanaPanel(panel: Panel, id: number, gridPos: GridPos): Builder<GrafanaPanel> {
  const builder = panel.kind === "stat" ? statPanel() : graphPanel(panel);
  builder
    .id(id)
    .gridPos(gridPos)
    .title(panel.title)
    .description(panel.description)
    .datasource(datasource)
    .unit(panel.unit)
    .min(0)
    .thresholds(thresholds(panel))
    .targets(
      panel.queries.map(({ expr, legend }, index) => {
        const query = new DataqueryBuilder()
          .refId(String.fromCharCode("A".charCodeAt(0) + index))
          .datasource(datasource)
          .editorMode(QueryEditorMode.Code)
          .expr(expr)
          .legendFormat(legend);
        return panel.kind === "stat" ? query.instant() : query.range();
      }),
    );
  if (panel.decimals !== undefined) builder.decimals(panel.decimals);
  return builder;
}

/** It asks for the value now alone: of a range it would show the last one there was, long after it is over. */
function statPanel(): StatBuilder {
  return new StatBuilder()
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .noValue("–");
}

function graphPanel({ limits, unit }: Panel): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .lineWidth(1)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .axisSoftMin(0)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  if (limits) builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  return unit === "percentunit" ? builder.max(1) : builder;
}

function thresholds({ limits: { warning, critical } = {} }: Panel): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([
      { value: null, color: "green" },
      ...(warning === undefined ? [] : [{ value: warning, color: "orange" }]),
      ...(critical === undefined ? [] : [{ value: critical, color: "red" }]),
    ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("grafana-spanbus.json", import.meta.url), dashboardJson());
}
