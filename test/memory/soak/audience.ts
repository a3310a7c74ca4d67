import { type BusEvent, type EventBus, EventBusError, type Subscription } from "spanbus";
import { macrotask } from "./application.js";

/** Readers that are held for a while without being read. */
const MAX_STALLED = 20;

/** Those who read: they come, read, stall, break, abort, and vanish without a word. */
export class Audience {
  readonly #bus: EventBus;
  readonly #stalled: Subscription[] = [];
  readonly #living = new AbortController();
  /** What the planted leak keeps. Undefined: there is none. */
  readonly #kept: BusEvent[] | undefined;
  came = 0;
  turnedAway = 0;

  constructor(bus: EventBus, leaks: boolean) {
    this.#bus = bus;
    this.#kept = leaks ? [] : undefined;
  }

  /** One reader comes to run `n`, and to some of them one of all runs, or one for a run that never begins. */
  watch(n: number, runId: string): void {
    this.came += 1;
    void (readers[n % readers.length] as Reading)(this, this.#bus, runId);
    if (n % 10 === 3) this.#watchAll(n);
    if (n % 10 === 7) this.#bus.subscribe(`never ${n}`, { idleTimeoutMillis: 100 });
  }

  async readToEnd(reader: AsyncIterable<BusEvent>): Promise<void> {
    for await (const event of reader) this.#kept?.push(event);
  }

  stall(reader: Subscription): void {
    this.#stalled.push(reader);
    if (this.#stalled.length > MAX_STALLED) this.#stalled.shift();
  }

  /** Outlives all readers that are on it. */
  get living(): AbortSignal {
    return this.#living.signal;
  }

  #watchAll(n: number): void {
    this.came += 1;
    try {
      const reader = this.#bus.subscribeGlobal(n % 20 === 3 ? { where: ({ seq = 0 }) => seq % 2 === 0 } : {});
      if (n % 3 === 0) void takeSome(reader, 40);
      else if (n % 3 === 1) void reader.next();
    } catch (error) {
      if (!(error instanceof EventBusError)) throw error;
      this.turnedAway += 1;
    }
  }
}

type Reading = (audience: Audience, bus: EventBus, runId: string) => unknown;

async function takeSome(reader: AsyncIterable<unknown>, count: number): Promise<void> {
  let left = count;
  for await (const _ of reader) {
    left -= 1;
    if (left === 0) break;
  }
}

const readers: readonly Reading[] = [
  (audience, bus, runId) => audience.readToEnd(bus.subscribe(runId)),
  (_audience, bus, runId) => takeSome(bus.subscribe(runId), 5),
  async (audience, bus, runId) => {
    const reader = bus.subscribe(runId);
    await reader.next();
    audience.stall(reader);
  },
  async (_audience, bus, runId) => {
    const controller = new AbortController();
    void takeSome(bus.subscribe(runId, { signal: controller.signal }), Number.POSITIVE_INFINITY);
    await macrotask();
    controller.abort();
  },
  (_audience, bus, runId) => {
    bus.subscribe(runId);
  },
  (audience, bus, runId) => {
    void bus.subscribe(runId, { signal: audience.living }).next();
  },
  (_audience, bus, runId) => {
    const sometimes = ({ seq = 0 }: BusEvent): boolean => {
      if (seq === 13) throw new Error("superstitious");
      return seq % 3 === 0;
    };
    void takeSome(bus.subscribe(runId, { where: sometimes }), Number.POSITIVE_INFINITY);
    bus.subscribe(runId, { where: sometimes });
  },
  (_audience, bus, runId) => takeSome(bus.subscribe(runId, { types: ["agent.tool.*"] }).batches(), 3),
  async (audience, bus, runId) => {
    await macrotask();
    const after = bus.history(runId, { limit: 4 })[0]?.id;
    const reader = bus.subscribe(runId, { ...(after !== undefined && { after }), signal: audience.living });
    await reader.next();
    await reader[Symbol.asyncDispose]();
  },
];

export const READERS = readers.length;
