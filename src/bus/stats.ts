import type { Dimension, FigureRow, FiguresOf, FigureTable } from "./figure-table.js";

/** The figures of `bus.stats()`: one row each, of which its type is made, too. */

/** Along what a figure is split. */
export const dimensions = {
  scope: {
    attribute: "spanbus.subscriber.scope",
    values: { run: "Readers of one run.", global: "Readers of the global stream." },
  },
  dropReason: {
    attribute: "spanbus.drop.reason",
    values: { lagged: "The reader was more than `maxQueueSize` events behind." },
  },
  refusal: {
    attribute: "spanbus.refuse.reason",
    values: {
      invalid: "The input, its run id or its type is not valid.",
      sealed: "The run is closed.",
      withheld: "`redact` did not let it pass.",
      nested: "A callback that decides about an event published one, or taps began runs without end.",
      unkeyed: "`emit` was called outside of any run and trace.",
      ended: "The span had ended, or was given up, before.",
      shutdown: "The bus is shut down.",
    },
  },
  runState: {
    attribute: "spanbus.run.state",
    values: { open: "The run takes events.", closed: "The run is closed, and its events are kept." },
  },
} as const satisfies Record<string, Dimension>;

type DimensionName = keyof typeof dimensions;
export type ValueOf<D extends DimensionName> = keyof (typeof dimensions)[D]["values"];
export type Scope = ValueOf<"scope">;
export type DropReason = ValueOf<"dropReason">;
export type Refusal = ValueOf<"refusal">;

type Row = FigureRow<DimensionName>;

export const figures = {
  published: {
    instrument: "counter",
    metric: "spanbus.event.published",
    unit: "{event}",
    says: "Events published.",
  },
  delivered: {
    instrument: "counter",
    metric: "spanbus.event.delivered",
    unit: "{event}",
    says: "Events taken by readers, the begin and end of runs on the global stream included. A gap is no event.",
  },
  dropped: {
    instrument: "counter",
    metric: "spanbus.event.dropped",
    unit: "{event}",
    says: "Events that slow readers lost.",
    by: ["scope", "dropReason"],
  },
  refused: {
    instrument: "counter",
    metric: "spanbus.event.refused",
    unit: "{event}",
    says: "Events and spans not taken: sealed run, invalid name, withheld by `redact`, after shutdown.",
    by: ["refusal"],
  },
  evictedRuns: {
    instrument: "counter",
    metric: "spanbus.history.run.evicted",
    unit: "{run}",
    says: "Runs whose events were evicted.",
  },
  rejectedSubscribers: {
    instrument: "counter",
    metric: "spanbus.subscriber.rejected",
    unit: "{subscriber}",
    says: "Readers turned away at a limit.",
    by: ["scope"],
  },
  abandonedSpans: {
    instrument: "counter",
    metric: "spanbus.span.abandoned",
    unit: "{span}",
    says: "Spans given up before they ended.",
  },
  errors: {
    instrument: "counter",
    metric: "spanbus.error.count",
    unit: "{error}",
    says: "Callbacks that threw, and faults of the bus itself.",
  },
  activeRuns: {
    instrument: "upDownCounter",
    metric: "spanbus.run.count",
    unit: "{run}",
    says: "Runs that are open.",
    is: { runState: "open" },
  },
  retainedRuns: {
    instrument: "upDownCounter",
    metric: "spanbus.history.run.count",
    unit: "{run}",
    says: "Runs whose events are kept.",
  },
  historyEvents: {
    instrument: "upDownCounter",
    metric: "spanbus.history.event.count",
    unit: "{event}",
    says: "Events kept.",
  },
  historyBytes: {
    instrument: "upDownCounter",
    metric: "spanbus.history.size",
    unit: "By",
    says: "Bytes of JSON kept.",
  },
  runSubscribers: {
    instrument: "upDownCounter",
    metric: "spanbus.subscriber.count",
    unit: "{subscriber}",
    says: "Readers of runs.",
    is: { scope: "run" },
  },
  globalSubscribers: {
    instrument: "upDownCounter",
    metric: "spanbus.subscriber.count",
    unit: "{subscriber}",
    says: "Readers of the global stream.",
    is: { scope: "global" },
  },
  openSpans: {
    instrument: "upDownCounter",
    metric: "spanbus.span.open",
    unit: "{span}",
    says: "Spans that are events and not yet over.",
  },
  queuedEvents: {
    instrument: "upDownCounter",
    metric: "spanbus.queue.size",
    unit: "{event}",
    says: "Events waiting for readers.",
    by: ["scope"],
  },
} as const satisfies Record<string, Row>;

/** Figures that only `stats({ details: true })` has. */
export const detailFigures = {
  closedRuns: {
    instrument: "upDownCounter",
    metric: "spanbus.run.count",
    unit: "{run}",
    says: "Runs that are closed and whose events are kept.",
    is: { runState: "closed" },
  },
  queueCapacity: {
    instrument: "upDownCounter",
    metric: "spanbus.queue.capacity",
    unit: "{event}",
    says: "Live events that the readers attached may leave unread before they lose any. Replay is never lost and not counted.",
    by: ["scope"],
  },
  queueUtilization: {
    instrument: "gauge",
    metric: "spanbus.queue.utilization",
    unit: "1",
    says: "Live events waiting for the reader that is most behind, as a part of `maxQueueSize`: at 1 it loses events.",
    by: ["scope"],
  },
} as const satisfies Record<string, Row>;

/** What a metric counts that several figures make up. */
export const sharedMetrics = {
  "spanbus.run.count": "Runs that are open, or closed and kept.",
  "spanbus.subscriber.count": "Readers attached.",
} as const;

export const busTable = {
  component: "spanbus.EventBus",
  dimensions,
  figures: { ...figures, ...detailFigures },
  sharedMetrics,
} as const satisfies FigureTable;

export type Figure = keyof typeof figures;
type DetailFigure = keyof typeof detailFigures;
type Rows = typeof busTable.figures;

type SplitFigure = {
  [F in keyof Rows]: Rows[F] extends { readonly by: readonly DimensionName[] } ? F : never;
}[keyof Rows];

/** The figures that are split, and some that only the metrics need. */
export type StatsDetails = FiguresOf<typeof dimensions, Pick<Rows, SplitFigure | DetailFigure>>;

/** What the bus counted since its start, and what it holds now. */
export type BusStats = { readonly [Name in Figure]: number } & {
  /** Events waiting, per reader. Left out with `{ depths: false }`; never use it as a metric attribute. */
  readonly queueDepths?: {
    readonly global: readonly number[];
    readonly runs: Readonly<Record<string, readonly number[]>>;
  };
  /** Events kept, per run. Left out with `{ depths: false }`. */
  readonly historyDepths?: Readonly<Record<string, number>>;
  /** Only with `{ details: true }`. */
  readonly details?: StatsDetails;
};

/** A count for each value of a dimension. */
export type Counts<Value extends string> = { [V in Value]: number };

export function zeros<Value extends string>(values: Readonly<Record<Value, unknown>>): Counts<Value> {
  return Object.fromEntries(Object.keys(values).map((value) => [value, 0])) as Counts<Value>;
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
