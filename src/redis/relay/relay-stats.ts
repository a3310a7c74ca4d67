import type { FigureRow, FiguresOf, FigureTable } from "../../bus/figure-table.js";

const dimensions = {
  loss: {
    attribute: "spanbus.loss.reason",
    values: {
      outbox: "The outbox was full.",
      refused: "Redis refused them: no permission, a key of another type.",
      sealed: "The run was closed by another process.",
      closed: "They waited when the relay was closed.",
    },
  },
} as const;

const figures = {
  relayed: {
    instrument: "counter",
    metric: "spanbus.relay.event.relayed",
    unit: "{event}",
    says: "Events that Redis took.",
  },
  lost: {
    instrument: "counter",
    metric: "spanbus.relay.event.lost",
    unit: "{event}",
    says: "Events that no reader elsewhere will get.",
    by: ["loss"],
  },
  errors: {
    instrument: "counter",
    metric: "spanbus.relay.error.count",
    unit: "{error}",
    says: "Batches that had to be sent again, and other failures.",
  },
  reconnects: {
    instrument: "counter",
    metric: "spanbus.relay.reconnect.count",
    unit: "{reconnect}",
    says: "Times that a connection of its client was lost and came back.",
  },
  queuedEvents: {
    instrument: "upDownCounter",
    metric: "spanbus.relay.outbox.event.count",
    unit: "{event}",
    says: "Events that Redis has not taken, those that are under way included.",
  },
  maxQueuedEvents: {
    instrument: "upDownCounter",
    metric: "spanbus.relay.outbox.event.capacity",
    unit: "{event}",
    says: "`outbox.maxEvents`: beyond that the oldest that wait are given up.",
  },
  queuedBytes: {
    instrument: "upDownCounter",
    metric: "spanbus.relay.outbox.size",
    unit: "By",
    says: "Bytes of JSON that wait to be sent.",
  },
  maxQueuedBytes: {
    instrument: "upDownCounter",
    metric: "spanbus.relay.outbox.capacity",
    unit: "By",
    says: "`outbox.maxBytes`: beyond that the oldest that wait are given up.",
  },
  lagSeconds: {
    instrument: "gauge",
    metric: "spanbus.relay.lag",
    unit: "s",
    says: "Age of the oldest event that Redis has not taken; 0 when it has all.",
  },
  openRuns: {
    instrument: "upDownCounter",
    metric: "spanbus.relay.run.count",
    unit: "{run}",
    says: "Runs that this relay keeps alive.",
  },
} as const satisfies Record<string, FigureRow<keyof typeof dimensions>>;

/** The figures of `relay.stats()`. */
export const relayTable = { component: "spanbus.RedisRelay", dimensions, figures } as const satisfies FigureTable;

/** What a relay counted since its start, and what it holds now: one number for each row of its `figures`. */
export type RelayStats = FiguresOf<typeof dimensions, typeof figures>;
