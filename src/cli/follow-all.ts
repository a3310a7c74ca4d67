import type { BusEvent } from "../bus/event.js";
import { typeMatcher } from "../bus/event-stream.js";
import type { Client, ConnectionState } from "../client/index.js";
import { keptEvents } from "./kept-events.js";
import type { Printer } from "./printer.js";
import type { Since } from "./since.js";

export interface FollowAllOptions {
  readonly since: Since;
  readonly types: readonly string[] | undefined;
  readonly onConnection: (state: ConnectionState, error?: Error) => void;
  /** Told that what is kept could not be read. */
  readonly onMissed: (error: Error) => void;
}

const MAX_RUNS = 1000;

/**
 * Prints every run. The stream of all runs is live only, so what was kept before it, at the start or while the connection
 * was lost, is read from the histories of the runs behind the new connection: nothing in between is missed, and what both
 * tell is printed once.
 */
export class FollowAll {
  readonly #client: Client;
  readonly #printer: Printer;
  readonly #options: FollowAllOptions;
  /** Newest event of each run, of those that had one lately. */
  readonly #lastIds = new Map<string, string>();
  #lastTime = Date.now();
  /** Printed from the histories; the stream may tell them once more. */
  #printed = new Set<string>();
  #connections = 0;
  /** Prints one thing after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(client: Client, printer: Printer, options: FollowAllOptions) {
    this.#client = client;
    this.#printer = printer;
    this.#options = options;
  }

  /** Until the client is stopped. @throws EndpointError when the endpoint refuses or is gone. */
  async run(): Promise<void> {
    const { types, onConnection } = this.#options;
    const events = this.#client.subscribeGlobal({
      types,
      onConnection: (state, error) => {
        onConnection(state, error);
        if (state === "open") this.#queue(() => this.#catchUp());
      },
    });
    for await (const batch of events.batches()) await this.#queue(() => this.#live(batch));
  }

  #queue(print: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(print);
    return this.#turn;
  }

  /** Prints what is kept and not yet told. */
  async #catchUp(): Promise<void> {
    this.#connections += 1;
    const isFirst = this.#connections === 1;
    const { since, types, onMissed } = this.#options;
    if (isFirst && since === "live") return;
    const start = since === "all" || since === "live" ? 0 : since;
    try {
      const from = isFirst ? start : this.#lastTime;
      const kept = await keptEvents(this.#client, { from, after: this.#lastIds });
      const isAsked = types ? typeMatcher(types) : () => true;
      for (const event of kept) this.#note(event);
      this.#printed = new Set(kept.map(({ id }) => id));
      await this.#printer.print(kept, ({ type }) => isAsked(type));
    } catch (error) {
      onMissed(error as Error);
    }
  }

  async #live(batch: readonly BusEvent[]): Promise<void> {
    const isNew = ({ seq, id }: BusEvent): boolean => seq === undefined || !this.#printed.delete(id);
    const events = batch.filter(isNew);
    for (const event of events) this.#note(event);
    await this.#printer.print(events, () => true);
  }

  #note({ runId, id, seq, time }: BusEvent): void {
    if (seq === undefined) return;
    this.#lastTime = Math.max(this.#lastTime, time);
    this.#lastIds.delete(runId);
    this.#lastIds.set(runId, id);
    if (this.#lastIds.size <= MAX_RUNS) return;
    for (const oldest of this.#lastIds.keys()) {
      this.#lastIds.delete(oldest);
      return;
    }
  }
}
