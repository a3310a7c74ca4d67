import type { GapReason } from "../../bus/event.js";
import type { FigureRow, FiguresOf, FigureTable } from "../../bus/figure-table.js";
import { type BusStats, dimensions as ofBus } from "../../bus/stats.js";

const dimensions = {
  scope: ofBus.scope,
  dropReason: ofBus.dropReason,
  gap: {
    attribute: "spanbus.gap.reason",
    values: {
      lagged: "A reader was more than `maxQueueSize` events behind.",
      evicted: "A reader resumed behind an event that is no longer kept.",
      generation: "Redis forgot the run, or a reader resumed in another generation of it.",
      cut: "Events never came to Redis, or were no longer kept when they were asked for.",
    } satisfies Record<GapReason, string>,
  },
} as const;

const figures = {
  delivered: {
    instrument: "counter",
    metric: "spanbus.source.event.delivered",
    unit: "{event}",
    says: "Events taken by readers here, the begin and end of runs on the global stream included. A gap is no event.",
  },
  dropped: {
    instrument: "counter",
    metric: "spanbus.source.event.dropped",
    unit: "{event}",
    says: "Events that slow readers lost.",
    by: ["scope", "dropReason"],
  },
  gaps: {
    instrument: "counter",
    metric: "spanbus.source.gap.count",
    unit: "{gap}",
    says: "Gaps told: once for all that read a stream, and once for a reader that fell behind or resumed too late.",
    by: ["gap"],
  },
  fetched: {
    instrument: "counter",
    metric: "spanbus.source.event.fetched",
    unit: "{event}",
    says: "Events read from what Redis keeps, because their message did not come.",
  },
  rejectedSubscribers: {
    instrument: "counter",
    metric: "spanbus.source.subscriber.rejected",
    unit: "{subscriber}",
    says: "Readers turned away at a limit.",
    by: ["scope"],
  },
  errors: {
    instrument: "counter",
    metric: "spanbus.source.error.count",
    unit: "{error}",
    says: "What failed in Redis or its client, and callbacks that threw.",
  },
  reconnects: {
    instrument: "counter",
    metric: "spanbus.source.reconnect.count",
    unit: "{reconnect}",
    says: "Times that the connection for messages came back.",
  },
  runSubscribers: {
    instrument: "upDownCounter",
    metric: "spanbus.source.subscriber.count",
    unit: "{subscriber}",
    says: "Readers of runs.",
    is: { scope: "run" },
  },
  globalSubscribers: {
    instrument: "upDownCounter",
    metric: "spanbus.source.subscriber.count",
    unit: "{subscriber}",
    says: "Readers of the global stream.",
    is: { scope: "global" },
  },
  followedRuns: {
    instrument: "upDownCounter",
    metric: "spanbus.source.run.count",
    unit: "{run}",
    says: "Runs that have readers here.",
  },
  lagSeconds: {
    instrument: "gauge",
    metric: "spanbus.source.lag",
    unit: "s",
    says: "Longest time from the publication of an event to its arrival here, of the messages of the last minute; 0 without any. It compares the clocks of two machines, and is wrong by as much as they differ.",
  },
} as const satisfies Record<string, FigureRow<keyof typeof dimensions>>;

/** The figures of `source.stats()` that are its own, or that it counts as a bus does. */
export const sourceTable = {
  component: "spanbus.RedisEventSource",
  dimensions,
  figures,
  sharedMetrics: { "spanbus.source.subscriber.count": "Readers attached." },
} as const satisfies FigureTable;

type Own = Omit<typeof figures, keyof BusStats>;

/**
 * What a source counted since its start, and what it holds now: what a bus has, of which `published` is the events that came
 * from Redis, and what belongs to a producer is 0; and figures of its own.
 */
export type SourceStats = BusStats & FiguresOf<typeof dimensions, Own>;
