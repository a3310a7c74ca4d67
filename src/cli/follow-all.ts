import type { BusEvent } from "../bus/event.js";
import { typeMatcher } from "../bus/event-stream.js";
import type { RunInfo } from "../bus/run.js";
import type { Client, ConnectionState } from "../client/index.js";
import { type KeptQuery, keptEvents } from "./kept-events.js";
import { Positions } from "./positions.js";
import type { Printer } from "./printer.js";
import type { Since } from "./since.js";

export interface FollowAllOptions {
  readonly since: Since;
  readonly types: readonly string[] | undefined;
  readonly onConnection: (state: ConnectionState, error?: Error) => void;
  /** Told that what is kept could not be read. */
  readonly onMissed: (error: Error) => void;
  /** Told of one run whose events could not be read. */
  readonly onSkipped: (runId: string, reason: string) => void;
}

/**
 * Prints every run. The stream of all runs is live only, so what was kept before it, at the start or while the connection
 * was lost, is read from the histories of the runs behind the new connection: nothing in between is missed, and what both
 * tell is printed once.
 */
export class FollowAll {
  readonly #client: Client;
  readonly #printer: Printer;
  readonly #options: FollowAllOptions;
  readonly #positions = new Positions();
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
    const { since, types, onMissed } = this.#options;
    const isStart = this.#connections === 1;
    try {
      const kept = isStart ? await this.#keptSince(since) : await this.#keptMeanwhile();
      const isAsked = types ? typeMatcher(types) : () => true;
      this.#printed = new Set(kept.map(({ id }) => id));
      await this.#printer.print(kept, ({ type }) => isAsked(type));
    } catch (error) {
      // Live events need no list of runs. Without one, only runs that had some are read after a cut.
      if (!isStart || since !== "live") onMissed(error as Error);
    }
  }

  /** What to begin with. */
  async #keptSince(since: Since): Promise<readonly BusEvent[]> {
    const runs = await this.#client.runs();
    const from = since === "all" ? Number.NEGATIVE_INFINITY : since === "live" ? Number.POSITIVE_INFINITY : since;
    const kept = await this.#read(runs, ({ lastTime }) => (lastTime >= from ? {} : undefined));
    return kept.filter(({ time }) => time >= from);
  }

  /** What came while the connection was lost: by the counts of the runs, not by a clock. */
  async #keptMeanwhile(): Promise<readonly BusEvent[]> {
    return this.#read(await this.#client.runs(), (run) => this.#positions.untold(run));
  }

  async #read(runs: readonly RunInfo[], start: KeptQuery["start"]): Promise<readonly BusEvent[]> {
    const { onSkipped } = this.#options;
    const kept = await keptEvents(this.#client, { runs, start, onSkipped });
    this.#positions.noteAll(runs);
    for (const event of kept) this.#positions.note(event);
    return kept;
  }

  async #live(batch: readonly BusEvent[]): Promise<void> {
    const isNew = ({ seq, id }: BusEvent): boolean => seq === undefined || !this.#printed.delete(id);
    const events = batch.filter(isNew);
    for (const event of events) this.#positions.note(event);
    await this.#printer.print(events, () => true);
  }
}
