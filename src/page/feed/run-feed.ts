import type { Client, ConnectionState } from "../../client/index.js";
import { hasAddress } from "../model/address.js";
import type { BusClock } from "../model/clock.js";
import { RunView } from "../model/run-view.js";
import { type FeedState, refusal } from "./feed-state.js";

/** Follows one run: what is kept of it, then live, to its end. */
export class RunFeed {
  readonly view: RunView;
  readonly #client: Client;
  readonly #clock: BusClock;
  readonly #changed: () => void;
  #state: FeedState = { kind: "waiting" };
  #lastId: string | undefined;
  #isCaughtUp = false;
  #reading: AbortController | undefined;

  constructor(client: Client, runId: string, clock: BusClock, changed: () => void) {
    this.view = new RunView(runId);
    this.#client = client;
    this.#clock = clock;
    this.#changed = changed;
    if (!hasAddress(runId)) this.#state = { kind: "refused", says: "It cannot be shown: no address can hold its id." };
  }

  get state(): FeedState {
    return this.#state;
  }

  /** What was kept is read; what comes now happens now. */
  get isLive(): boolean {
    return this.#isCaughtUp && this.view.outcome === undefined;
  }

  resume(): void {
    if (this.#reading || this.#state.kind === "refused" || this.#state.kind === "over") return;
    this.#reading = new AbortController();
    void this.#read(this.#reading.signal);
  }

  /** Leaves the stream; `resume` goes on behind the last event. */
  pause(): void {
    this.#reading?.abort();
    this.#reading = undefined;
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { view } = this;
    try {
      const events = this.#client.subscribe(view.runId, {
        ...(this.#lastId !== undefined && { after: this.#lastId }),
        signal,
        onConnection: (connection) => this.#connection(connection),
      });
      // A batch may hold the last of what was kept and go on live: only behind it all is live.
      let isLive = false;
      for await (const batch of events.batches()) {
        for (const event of batch) {
          view.add(event);
          if (event.type !== "bus.gap") this.#clock.heard(event.time, isLive);
        }
        isLive = events.caughtUp;
        this.#isCaughtUp ||= isLive;
        this.#lastId = events.lastId;
        this.#changed();
      }
      const { reason, outcome } = await events.ended;
      if (reason === "aborted" || reason === "returned") return;
      view.close(outcome ?? "unknown");
      this.#state = { kind: "over" };
    } catch (error) {
      if (signal.aborted) return;
      this.#state = refusal(error);
    }
    this.#changed();
  }

  #connection(connection: ConnectionState): void {
    if (connection === "closed") return;
    this.#state = { kind: connection === "open" ? "live" : "lost" };
    this.#changed();
  }
}
