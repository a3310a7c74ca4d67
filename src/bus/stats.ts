/** The figures of `stats()`: one row each, from which its type and the docs are made. */
export const figures = {
  published: { kind: "counter", says: "Events published." },
  delivered: {
    kind: "counter",
    says: "Events taken by readers, the begin and end of runs on the global stream included. A gap is no event.",
  },
  dropped: { kind: "counter", says: "Events that slow readers lost." },
  refused: {
    kind: "counter",
    says: "Events and spans not taken: sealed run, invalid name, withheld by `redact`, after shutdown.",
  },
  evictedRuns: { kind: "counter", says: "Runs whose events were evicted." },
  rejectedSubscribers: { kind: "counter", says: "Readers turned away at a limit." },
  abandonedSpans: { kind: "counter", says: "Spans given up before they ended." },
  errors: { kind: "counter", says: "Callbacks that threw, and faults of the bus itself." },
  activeRuns: { kind: "gauge", says: "Runs that are open." },
  retainedRuns: { kind: "gauge", says: "Runs whose events are kept." },
  historyEvents: { kind: "gauge", says: "Events kept." },
  historyBytes: { kind: "gauge", says: "Bytes of JSON kept." },
  runSubscribers: { kind: "gauge", says: "Readers of runs." },
  globalSubscribers: { kind: "gauge", says: "Readers of the global stream." },
  openSpans: { kind: "gauge", says: "Spans that are events and not yet over." },
  queuedEvents: { kind: "gauge", says: "Events waiting for readers." },
} as const;

export type Figure = keyof typeof figures;

/** What the bus counted since its start, and what it holds now. */
export type BusStats = { readonly [Name in Figure]: number } & {
  /** Events waiting, per reader. Left out with `{ depths: false }`; never use it as a metric attribute. */
  readonly queueDepths?: {
    readonly global: readonly number[];
    readonly runs: Readonly<Record<string, readonly number[]>>;
  };
  /** Events kept, per run. Left out with `{ depths: false }`. */
  readonly historyDepths?: Readonly<Record<string, number>>;
};
