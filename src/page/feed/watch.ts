import type { BusEvent } from "../../bus/event.js";
import type { Client } from "../../client/index.js";
import { BusClock } from "../model/clock.js";
import { RunList } from "../model/run-list.js";
import { StatsHistory } from "../model/stats-history.js";
import type { FeedState } from "./feed-state.js";
import { GlobalFeed } from "./global-feed.js";
import { Poll } from "./poll.js";
import { RunFeed } from "./run-feed.js";

const RUNS_MILLIS = 4000;
const STATS_MILLIS = 2000;

/** Everything the page knows of the bus. What the endpoint refuses stays empty and hinders nothing else. */
export class Watch {
  readonly clock = new BusClock(() => Date.now());
  readonly runs = new RunList();
  readonly stats = new StatsHistory();
  readonly #client: Client;
  readonly #changed: () => void;
  readonly #global: GlobalFeed;
  readonly #listPoll: Poll;
  readonly #statsPoll: Poll;
  #run: RunFeed | undefined;
  /** Of the run that is followed, as the list said it first: another one is another life. */
  #generation: string | undefined;
  #isPaused = true;

  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
    this.#listPoll = new Poll(() => this.#askRuns(), RUNS_MILLIS, changed);
    this.#statsPoll = new Poll(() => this.#askStats(), STATS_MILLIS, changed);
    this.#global = new GlobalFeed(client, {
      events: (events) => this.#heard(events),
      connected: () => this.#listPoll.soon(),
      changed,
    });
  }

  /** The run that is followed. */
  get run(): RunFeed | undefined {
    return this.#run;
  }

  get listState(): FeedState {
    return this.#listPoll.state;
  }

  get globalState(): FeedState {
    return this.#global.state;
  }

  get statsState(): FeedState {
    return this.#statsPoll.state;
  }

  /** Follows this run, and no other. */
  follow(runId: string | undefined): void {
    if (runId === this.#run?.view.runId) return;
    this.#begin(runId);
  }

  /** A page that nobody sees reads nothing: browsers allow few connections to a host, over all pages. */
  pause(): void {
    this.#isPaused = true;
    for (const feed of [this.#global, this.#listPoll, this.#statsPoll, this.#run]) feed?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    for (const feed of [this.#global, this.#listPoll, this.#statsPoll, this.#run]) feed?.resume();
  }

  #begin(runId: string | undefined): void {
    this.#run?.pause();
    this.#generation = undefined;
    this.#run = runId === undefined ? undefined : new RunFeed(this.#client, runId, this.clock, this.#changed);
    if (!this.#isPaused) this.#run?.resume();
    this.#changed();
  }

  async #askRuns(): Promise<void> {
    this.runs.replace(await this.#client.runs());
    const { runId } = this.#run?.view ?? {};
    const generation = runId === undefined ? undefined : this.runs.run(runId)?.generation;
    if (generation === undefined || generation === this.#generation) return;
    const isAnother = this.#generation !== undefined;
    if (isAnother && this.#run?.state.kind === "over") this.#begin(runId);
    this.#generation = generation;
  }

  async #askStats(): Promise<void> {
    this.stats.add(Date.now(), await this.#client.stats());
  }

  #heard(events: readonly BusEvent[]): void {
    for (const event of events) {
      this.runs.add(event);
      if (event.type === "bus.gap") this.#listPoll.soon();
      else this.clock.heard(event.time, true);
      if (event.type === "bus.run.opened") {
        this.#listPoll.soon();
        if (event.runId === this.#run?.view.runId && this.#run.state.kind === "over") this.#begin(event.runId);
      }
    }
    this.#changed();
  }
}
