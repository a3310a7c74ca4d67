import type { BusEvent } from "../../bus/event.js";
import type { Client } from "../../client/index.js";
import { type FeedState, refusal } from "./feed-state.js";

/** What changes a line of the list. Text of models, which is most of the traffic, does not. */
const types = [
  "bus.run.*",
  "agent.invocation.*",
  "agent.model.started",
  "agent.tool.*",
  "agent.tokens.used",
  "agent.terminate",
];

export interface GlobalListener {
  events(events: readonly BusEvent[]): void;
  /** The stream is there, perhaps again: what passed before is to be asked for. */
  connected(): void;
  changed(): void;
}

/** Follows all runs, live. */
export class GlobalFeed {
  readonly #client: Client;
  readonly #listener: GlobalListener;
  #state: FeedState = { kind: "waiting" };
  #reading: AbortController | undefined;

  constructor(client: Client, listener: GlobalListener) {
    this.#client = client;
    this.#listener = listener;
  }

  get state(): FeedState {
    return this.#state;
  }

  resume(): void {
    if (this.#reading || this.#state.kind === "refused") return;
    this.#reading = new AbortController();
    void this.#read(this.#reading.signal);
  }

  pause(): void {
    this.#reading?.abort();
    this.#reading = undefined;
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      const events = this.#client.subscribeGlobal({
        types,
        signal,
        onConnection: (connection) => {
          if (connection === "closed") return;
          this.#state = { kind: connection === "open" ? "live" : "lost" };
          if (connection === "open") this.#listener.connected();
          this.#listener.changed();
        },
      });
      for await (const batch of events.batches()) this.#listener.events(batch);
    } catch (error) {
      if (signal.aborted) return;
      this.#state = refusal(error);
      this.#listener.changed();
    }
  }
}
