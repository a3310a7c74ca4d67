import {
  type Attribute,
  type Counter,
  failed,
  type Histogram,
  type Level,
  label,
  type Metric,
  outboxFill,
  select,
} from "./metric-names.js";

/**
 * What the dashboard asks, row by row. In expressions `$instance` and `$component` stand for regular expressions, and
 * `$__rate_interval` for the window of a rate: Grafana replaces all three.
 */

export interface Query {
  readonly expr: string;
  /** What a series is called; `{{label}}` stands for the value of a label. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it says, and when to act. */
  readonly description: string;
  readonly unit: Unit;
  /** A stat says what is now, a time series how it came to that. */
  readonly kind: "stat" | "timeseries";
  readonly queries: readonly Query[];
  /** Digits behind the point. Left out: as many as the value needs. */
  readonly decimals?: number;
  /** From here on it is worth a look, or harm is done. */
  readonly limits?: { readonly warning?: number; readonly critical?: number };
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Grafana's ids of units: a count, one in full, events per second, a count per second, 0 to 1, seconds, bytes by 1024. */
export type Unit = "short" | "none" | "eps" | "cps" | "percentunit" | "s" | "bytes";

/** Which label stands for the process, and which for the component in it. */
const chosen = ['instance=~"$instance"', `${label("otel.component.name")}=~"$component"`];

export const rows: readonly Row[] = [
  {
    title: "Is the bus healthy?",
    panels: [
      stat("Events per second", {
        description: "Events published by all buses chosen.",
        unit: "eps",
        expr: `sum(${rate("spanbus.event.published")})`,
      }),
      stat("Lost", {
        description:
          "Of the events meant for readers, the part that slow readers lost; – if none were. Publishers never wait for them.",
        unit: "percentunit",
        expr: `sum(${rate("spanbus.event.dropped")}) / (sum(${rate("spanbus.event.delivered")}) + sum(${rate("spanbus.event.dropped")}) > 0)`,
        limits: { warning: 0.001, critical: 0.05 },
      }),
      stat("Fullest queue", {
        description: "Fill of the queue of the reader that is most behind. At 100 % it loses its oldest unread events.",
        unit: "percentunit",
        expr: `max(${level("spanbus.queue.utilization")})`,
        limits: { warning: 0.8, critical: 1 },
      }),
      stat("Refused, last hour", {
        description: "Events and spans that were not taken in the last hour. Their reasons are in the panel *Refused*.",
        ...lastHour("spanbus.event.refused"),
        limits: { warning: 1 },
      }),
      stat("Readers rejected, last hour", {
        description: "Readers turned away at `maxRunSubscribers` or `maxGlobalSubscribers` in the last hour.",
        ...lastHour("spanbus.subscriber.rejected"),
        limits: { critical: 1 },
      }),
      stat("Errors, last hour", {
        description: "Callbacks that threw, and faults of the bus itself, in the last hour. `diag` has their messages.",
        ...lastHour("spanbus.error.count"),
        limits: { critical: 1 },
      }),
      timeseries("Throughput", {
        description: "Published once, delivered once for each reader that took it.",
        unit: "eps",
        queries: [
          { expr: `sum(${rate("spanbus.event.published")})`, legend: "published" },
          { expr: `sum(${rate("spanbus.event.delivered")})`, legend: "delivered" },
        ],
      }),
      timeseries("Dropped", {
        description: "Events that slow readers lost, of runs and of the global stream.",
        unit: "eps",
        queries: [
          sumBy(["spanbus.subscriber.scope", "spanbus.drop.reason"], rate("spanbus.event.dropped"), {
            legend: "{{spanbus_subscriber_scope}}: {{spanbus_drop_reason}}",
          }),
        ],
      }),
      timeseries("Refused", {
        description: "Events and spans not taken, by reason. `docs/METRICS.md` says what each means.",
        unit: "eps",
        queries: [
          sumBy(["spanbus.refuse.reason"], rate("spanbus.event.refused"), { legend: "{{spanbus_refuse_reason}}" }),
        ],
      }),
      timeseries("Queue of the reader most behind", {
        description: "Part of `maxQueueSize` that waits. A line that stays up is a reader that stopped reading.",
        unit: "percentunit",
        queries: [
          {
            expr: `max by (${label("spanbus.subscriber.scope")}) (${level("spanbus.queue.utilization")})`,
            legend: "{{spanbus_subscriber_scope}}",
          },
        ],
        limits: { warning: 0.8, critical: 1 },
      }),
      timeseries("Waiting, and room for it", {
        description:
          "Events that wait for readers, replay included, and live events that they may leave unread before they lose any.",
        unit: "short",
        queries: [
          sumBy(["spanbus.subscriber.scope"], level("spanbus.queue.size"), {
            legend: "waiting, {{spanbus_subscriber_scope}}",
          }),
          sumBy(["spanbus.subscriber.scope"], level("spanbus.queue.capacity"), {
            legend: "room, {{spanbus_subscriber_scope}}",
          }),
        ],
      }),
      timeseries("Errors and rejected readers", {
        description: "Callbacks that threw, faults of the bus, and readers turned away at a limit.",
        unit: "cps",
        queries: [
          { expr: `sum(${rate("spanbus.error.count")})`, legend: "errors" },
          sumBy(["spanbus.subscriber.scope"], rate("spanbus.subscriber.rejected"), {
            legend: "rejected, {{spanbus_subscriber_scope}}",
          }),
        ],
      }),
    ],
  },
  {
    title: "What is it holding?",
    panels: [
      stat("Buses", {
        description: "Buses that report now. Those that stopped, on purpose or not, are no longer among them.",
        unit: "short",
        expr: `count(${select("spanbus.event.published", { where: chosen })})`,
      }),
      stat("Open runs", {
        description: "Runs that take events now.",
        unit: "short",
        expr: `sum(${level("spanbus.run.count", `${label("spanbus.run.state")}="open"`)})`,
      }),
      stat("Open spans", {
        description: "Operations at work now: agents, models, tools.",
        unit: "short",
        expr: `sum(${level("spanbus.span.open")})`,
      }),
      stat("Readers", {
        description: "Readers attached, of runs and of the global stream.",
        unit: "short",
        expr: `sum(${level("spanbus.subscriber.count")})`,
      }),
      stat("Waiting", {
        description: "Events that wait for readers, replay included.",
        unit: "short",
        expr: `sum(${level("spanbus.queue.size")})`,
      }),
      stat("History", {
        description: "JSON kept by all buses chosen. Each is held to its `maxHistoryBytes`, 64 MiB by default.",
        unit: "bytes",
        expr: `sum(${level("spanbus.history.size")})`,
      }),
      timeseries("Runs", {
        description: "Runs that are open, and runs that are closed and whose events are kept.",
        unit: "short",
        queries: [
          sumBy(["spanbus.run.state"], level("spanbus.run.count"), { legend: "{{spanbus_run_state}}" }),
          { expr: `sum(${level("spanbus.history.run.count")})`, legend: "with history" },
        ],
      }),
      timeseries("Events kept", {
        description: "Events that a reader who comes late still gets.",
        unit: "short",
        queries: [{ expr: `sum(${level("spanbus.history.event.count")})`, legend: "events" }],
      }),
      timeseries("History of each bus", {
        description: "Bytes of JSON kept. A flat top is a limit that was reached: then runs are evicted.",
        unit: "bytes",
        queries: [
          sumBy(["otel.component.name"], level("spanbus.history.size"), {
            legend: "{{instance}} {{otel_component_name}}",
            beside: ["instance"],
          }),
        ],
      }),
      timeseries("Spans", {
        description: "Spans that are open, at any moment. One that only climbs is a span that nobody ends.",
        unit: "short",
        queries: [{ expr: `sum(${level("spanbus.span.open")})`, legend: "open" }],
      }),
      timeseries("Given up", {
        description:
          "Runs whose history made room for newer ones, and spans that had not ended when their run closed or that made room.",
        unit: "cps",
        queries: [
          { expr: `sum(${rate("spanbus.history.run.evicted")})`, legend: "runs evicted" },
          { expr: `sum(${rate("spanbus.span.abandoned")})`, legend: "spans abandoned" },
        ],
      }),
      timeseries("Readers by stream", {
        description: "Readers of single runs, and of the global stream.",
        unit: "short",
        queries: [
          sumBy(["spanbus.subscriber.scope"], level("spanbus.subscriber.count"), {
            legend: "{{spanbus_subscriber_scope}}",
          }),
        ],
      }),
    ],
  },
  {
    title: "What are the agents doing?",
    panels: [
      stat("Agents at work", {
        description:
          "Agents at work now, those that work for other agents included. This row needs `agentMetrics: true`.",
        unit: "short",
        expr: `sum(${level("spanbus.agent.run.active")})`,
      }),
      stat("Tool failures", {
        description:
          "Of the tool calls that ended, the part that failed; – if none ended. Cancelled ones did not fail.",
        unit: "percentunit",
        expr: failures("gen_ai.execute_tool.duration"),
        limits: { warning: 0.05, critical: 0.25 },
      }),
      stat("Model failures", {
        description:
          "Of the model calls that ended, the part that failed; – if none ended. Cancelled ones did not fail.",
        unit: "percentunit",
        expr: failures("gen_ai.client.operation.duration"),
        limits: { warning: 0.01, critical: 0.1 },
      }),
      stat("Tokens per second", {
        description: "Tokens read and written by models.",
        unit: "cps",
        expr: `sum(${rate("gen_ai.client.token.usage", { part: "_sum" })})`,
      }),
      timeseries("Agents at work by name", {
        description: "A line that only climbs is an agent that hangs.",
        unit: "short",
        queries: [sumBy(["gen_ai.agent.name"], level("spanbus.agent.run.active"), { legend: "{{gen_ai_agent_name}}" })],
      }),
      timeseries("Agent duration", {
        description: "Half of the requests were done in the time of p50, and 19 of 20 in that of p95.",
        unit: "s",
        queries: quantiles("gen_ai.invoke_agent.duration", "gen_ai.agent.name"),
      }),
      timeseries("Model call duration", {
        description: "Half of the calls were done in the time of p50, and 19 of 20 in that of p95.",
        unit: "s",
        queries: quantiles("gen_ai.client.operation.duration", "gen_ai.request.model"),
      }),
      timeseries("Tool duration", {
        description: "Half of the calls were done in the time of p50, and 19 of 20 in that of p95.",
        unit: "s",
        queries: quantiles("gen_ai.execute_tool.duration", "gen_ai.tool.name"),
      }),
      timeseries("Tool failures by tool", {
        description:
          "Of the calls of a tool that ended, the part that failed. Cancelled ones did not. A rate sees a tool that fails for the first time only from its second failure on.",
        unit: "percentunit",
        queries: [
          { expr: failures("gen_ai.execute_tool.duration", "gen_ai.tool.name"), legend: "{{gen_ai_tool_name}}" },
        ],
      }),
      timeseries("Time to first chunk", {
        description: "How long a reader stares at nothing. Streaming calls only.",
        unit: "s",
        queries: quantiles("gen_ai.client.operation.time_to_first_chunk", "gen_ai.request.model"),
      }),
      timeseries("Tokens by model", {
        description: "Tokens per second that models read (input) and wrote (output).",
        unit: "cps",
        queries: [
          sumBy(["gen_ai.request.model", "gen_ai.token.type"], rate("gen_ai.client.token.usage", { part: "_sum" }), {
            legend: "{{gen_ai_request_model}} {{gen_ai_token_type}}",
          }),
        ],
      }),
      timeseries("Tool calls", {
        description: "Calls per second that ended, by tool.",
        unit: "cps",
        queries: [
          sumBy(["gen_ai.tool.name"], rate("gen_ai.execute_tool.duration", { part: "_count" }), {
            legend: "{{gen_ai_tool_name}}",
          }),
        ],
      }),
      timeseries("Agents done", {
        description: "Requests per second that ended, by agent.",
        unit: "cps",
        queries: [
          sumBy(["gen_ai.agent.name"], rate("gen_ai.invoke_agent.duration", { part: "_count" }), {
            legend: "{{gen_ai_agent_name}}",
          }),
        ],
      }),
    ],
  },
  {
    title: "Many processes",
    panels: [
      stat("Relayed per second", {
        description: "Events that relays brought to Redis. This row needs `observe(relay)` and `observe(source)`.",
        unit: "eps",
        expr: `sum(${rate("spanbus.relay.event.relayed")})`,
      }),
      stat("Lost by relays, last hour", {
        description: "Events that no reader elsewhere gets. Their reasons are in the panel *Lost by relays*.",
        ...lastHour("spanbus.relay.event.lost"),
        limits: { warning: 1 },
      }),
      stat("Fullest outbox", {
        description: "Fill of the fullest outbox of a relay, in events or in bytes. At 100 % it gives up its oldest.",
        unit: "percentunit",
        expr: `max(${outboxFill(chosen)})`,
        limits: { warning: 0.8, critical: 1 },
      }),
      stat("Longest wait for Redis", {
        description: "Age of the oldest event that Redis has not taken.",
        unit: "s",
        expr: `max(${level("spanbus.relay.lag")})`,
        limits: { warning: 5, critical: 30 },
      }),
      stat("Longest way", {
        description:
          "From the publication of an event to its arrival at a source, the longest of the last minute. Clocks of two machines are compared: what they differ by is in it.",
        unit: "s",
        expr: `max(${level("spanbus.source.lag")})`,
        limits: { warning: 5, critical: 30 },
      }),
      stat("Remote readers", {
        description: "Readers attached to sources, of runs and of the global stream.",
        unit: "short",
        expr: `sum(${level("spanbus.source.subscriber.count")})`,
      }),
      timeseries("Through Redis", {
        description: "Relayed once, delivered once for each remote reader that took it.",
        unit: "eps",
        queries: [
          { expr: `sum(${rate("spanbus.relay.event.relayed")})`, legend: "relayed" },
          { expr: `sum(${rate("spanbus.source.event.delivered")})`, legend: "delivered" },
          { expr: `sum(${rate("spanbus.source.event.fetched")})`, legend: "fetched, as no message came" },
        ],
      }),
      timeseries("Lost by relays", {
        description: "Events that no reader elsewhere gets, by reason. `docs/METRICS.md` says what each means.",
        unit: "eps",
        queries: [
          sumBy(["spanbus.loss.reason"], rate("spanbus.relay.event.lost"), { legend: "{{spanbus_loss_reason}}" }),
        ],
      }),
      timeseries("Outboxes", {
        description:
          "What waits for Redis, as a part of what may. A line that climbs is a Redis that is away or too slow.",
        unit: "percentunit",
        queries: [
          {
            expr: `max by (instance, ${label("otel.component.name")}) (${outboxFill(chosen)})`,
            legend: "{{instance}} {{otel_component_name}}",
          },
        ],
        limits: { warning: 0.8, critical: 1 },
      }),
      timeseries("Lag", {
        description: "How long the oldest event waits for Redis, and how long events take to a source.",
        unit: "s",
        queries: [
          { expr: `max(${level("spanbus.relay.lag")})`, legend: "waiting for Redis" },
          { expr: `max(${level("spanbus.source.lag")})`, legend: "from process to process" },
        ],
      }),
      timeseries("Gaps of remote readers", {
        description: "Gaps that were told instead of events, by reason. `docs/METRICS.md` says what each means.",
        unit: "cps",
        queries: [
          sumBy(["spanbus.gap.reason"], rate("spanbus.source.gap.count"), { legend: "{{spanbus_gap_reason}}" }),
        ],
      }),
      timeseries("Dropped by remote readers", {
        description: "Events that slow readers of sources lost, of runs and of the global stream.",
        unit: "eps",
        queries: [
          sumBy(["spanbus.subscriber.scope", "spanbus.drop.reason"], rate("spanbus.source.event.dropped"), {
            legend: "{{spanbus_subscriber_scope}}: {{spanbus_drop_reason}}",
          }),
        ],
      }),
      timeseries("Outages and errors", {
        description:
          "What failed in Redis or on the way to it, how often it came back, and remote readers turned away at a limit.",
        unit: "cps",
        queries: [
          { expr: `sum(${rate("spanbus.relay.error.count")})`, legend: "errors of relays" },
          { expr: `sum(${rate("spanbus.source.error.count")})`, legend: "errors of sources" },
          { expr: `sum(${rate("spanbus.relay.reconnect.count")})`, legend: "back for relays" },
          { expr: `sum(${rate("spanbus.source.reconnect.count")})`, legend: "back for sources" },
          { expr: `sum(${rate("spanbus.source.subscriber.rejected")})`, legend: "readers rejected" },
        ],
      }),
      timeseries("Runs across processes", {
        description: "Runs that relays keep alive, and runs that have remote readers.",
        unit: "short",
        queries: [
          { expr: `sum(${level("spanbus.relay.run.count")})`, legend: "relayed" },
          { expr: `sum(${level("spanbus.source.run.count")})`, legend: "read" },
        ],
      }),
      timeseries("Remote readers by stream", {
        description: "Readers of single runs, and of the global stream, at sources.",
        unit: "short",
        queries: [
          sumBy(["spanbus.subscriber.scope"], level("spanbus.source.subscriber.count"), {
            legend: "{{spanbus_subscriber_scope}}",
          }),
        ],
      }),
    ],
  },
];

// ── expressions ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Answer = Pick<Panel, "description" | "unit" | "decimals" | "limits">;

function stat(title: string, { expr, ...answer }: Answer & { expr: string }): Panel {
  return { title, kind: "stat", ...answer, queries: [{ expr, legend: title }] };
}

function timeseries(title: string, answer: Answer & Pick<Panel, "queries">): Panel {
  return { title, kind: "timeseries", ...answer };
}

function level(metric: Level, ...where: readonly string[]): string {
  return select(metric, { where: [...where, ...chosen] });
}

function rate(metric: Counter): string;
function rate(metric: Histogram, of: { part: "_bucket" | "_count" | "_sum"; where?: readonly string[] }): string;
function rate(metric: Metric, { where = [], ...part }: Parameters<typeof select>[1] = {}): string {
  return `rate(${select(metric, { ...part, where: [...where, ...chosen] })}[$__rate_interval])`;
}

/** In whole numbers, though an increase is an estimate. */
function lastHour(metric: Counter): Pick<Panel, "unit" | "decimals"> & { expr: string } {
  return { unit: "none", decimals: 0, expr: `sum(increase(${select(metric, { where: chosen })}[1h]))` };
}

function sumBy(
  attributes: readonly Attribute[],
  expr: string,
  { legend, beside = [] }: { legend: string; beside?: readonly "instance"[] },
): Query {
  return { expr: `sum by (${[...beside, ...attributes.map(label)].join(", ")}) (${expr})`, legend };
}

/** The part that failed; 0 where something ended and nothing failed, no value where nothing ended. */
function failures(metric: Histogram, by?: Attribute): string {
  const sum = by ? `sum by (${label(by)}) ` : "sum";
  const ended = `${sum}(${rate(metric, { part: "_count" })})`;
  const failures = `${sum}(${rate(metric, { part: "_count", where: [failed] })})`;
  return `(${failures} or ${ended} * 0) / (${ended} > 0)`;
}

function quantiles(metric: Histogram, by: Attribute): readonly Query[] {
  return [0.5, 0.95].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${label(by)}, le) (${rate(metric, { part: "_bucket" })}))`,
    legend: `p${quantile * 100} {{${label(by)}}}`,
  }));
}
