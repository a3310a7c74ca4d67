import { eventId } from "../../bus/cursor.js";
import type { BusEvent, GapData, Outcome, SubscriptionEnd } from "../../bus/event.js";
import { EventStream, type Feed, type Verdicts } from "../../bus/event-stream.js";
import { controlEvent } from "../../bus/make-event.js";
import { type Message, parseMessage, seqsOf } from "../batch.js";
import type { Attempts } from "../patience.js";
import type { Channels } from "./channels.js";
import type { LostProducers } from "./lost-producers.js";
import { eventOf } from "./remote-event.js";
import { outcomeOf } from "./standing.js";

export interface GlobalFeedOptions {
  readonly channels: Channels;
  /** Matches the channels of all runs. */
  readonly pattern: string;
  readonly maxQueueSize: number;
  now(): number;
  received(event: BusEvent): void;
  /** A gap was found for all that read. */
  told(data: GapData): void;
  readonly lostProducers: LostProducers;
  /** A message came. */
  arrived(message: Message): void;
  failed(error: unknown): void;
}

/** Nobody knows what came meanwhile. */
const cut: GapData = Object.freeze({ missed: 0, reason: "cut" });

/** Every run, live, while somebody reads it. */
export class GlobalFeed {
  stream: EventStream;
  readonly #options: GlobalFeedOptions;
  #users = 0;
  #subscribed: Promise<void> | undefined;
  /** Those that are told of a cut with their first event. */
  readonly #cut = new Set<Feed>();

  constructor(options: GlobalFeedOptions) {
    this.#options = options;
    this.stream = new EventStream(options.maxQueueSize);
  }

  /** The stream, for as long as the reader stays: what it returns is to be called once. */
  async join(): Promise<() => void> {
    const { channels, pattern, failed } = this.#options;
    this.#users += 1;
    const attempts: Attempts = { failed, isNeeded: () => this.#users > 0 && !this.stream.end };
    this.#subscribed ??= channels.subscribeTo(pattern, attempts);
    try {
      await this.#subscribed;
      this.#options.lostProducers.start(() => this.#gone());
      return () => this.#left();
    } catch (error) {
      this.#left();
      throw error;
    }
  }

  message(runId: string, text: string): void {
    const message = parseMessage(text);
    if (!message) return;
    this.#options.arrived(message);
    this.#apply(runId, message);
  }

  /**
   * Tells a gap. It stands where an event is, and names no run that `where` hides: for each filter it is at the last event that
   * passed it, or at the first that will.
   */
  resumed(): void {
    if (this.#users === 0) return;
    this.#options.told(cut);
    this.#cut.clear();
    for (const feed of this.stream.feeds) this.#tellCutBehind(feed);
  }

  finish(end: SubscriptionEnd): void {
    this.#options.lostProducers.stop();
    this.stream.finish(end);
  }

  #apply(runId: string, { epoch, from, opened, lines }: Message): void {
    if (opened) this.#append(controlEvent(eventId(epoch, 0), runId, "bus.run.opened", {}));
    let seq = from;
    for (const line of lines) {
      seq += seqsOf(line);
      if (line.kind === "c") this.#closed(runId, eventId(epoch, seq), outcomeOf(line.text));
      else if (line.kind === "d") this.#closed(runId, eventId(epoch, seq), "detached");
      else if (line.kind === "p") this.#closed(runId, eventId(epoch, seq), "abandoned");
      else {
        const event = eventOf(runId, epoch, seq, line);
        if (event) this.#append(event);
      }
    }
  }

  /** Behind what passed the filter last, or with what passes it first. */
  #tellCutBehind(feed: Feed): void {
    const { last } = feed.log;
    if (!last) this.#cut.add(feed);
    // Behind a gap nothing came of which more could be missing.
    else if (last.type !== "bus.gap") this.#tellCut(feed, last);
  }

  #tellCut({ log }: Feed, { id, runId }: BusEvent): void {
    log.append(controlEvent(id, runId, "bus.gap", cut), this.#options.now());
  }

  #closed(runId: string, id: string, outcome: Outcome): void {
    this.#append(controlEvent(id, runId, "bus.run.closed", { outcome }));
  }

  #append(event: BusEvent): void {
    this.#options.received(event);
    const isGap = event.type === "bus.gap";
    const verdicts = this.#cut.size > 0 || (isGap && this.stream.asks) ? this.#tellHeld(event) : undefined;
    this.stream.append(event, this.#options.now(), verdicts);
    // From whom its run is hidden is told of a cut, which names none.
    if (isGap) for (const [feed, takes] of verdicts ?? []) if (!takes) this.#tellCutBehind(feed);
  }

  /** Who takes the event; those whose first it is are told of the cut before. */
  #tellHeld(event: BusEvent): Verdicts {
    const verdicts = new Map<Feed, boolean>();
    this.stream.ask(event, verdicts);
    for (const feed of this.#cut) {
      const takes = verdicts.get(feed);
      if (takes) this.#tellCut(feed, event);
      // One that was left is asked no more.
      if (takes !== false) this.#cut.delete(feed);
    }
    return verdicts;
  }

  /** The client was closed: its readers end, as those of runs do. It may be opened again. */
  #gone(): void {
    const { stream } = this;
    this.stream = new EventStream(this.#options.maxQueueSize);
    stream.finish({ reason: "cut" });
  }

  #left(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#subscribed = undefined;
    this.#options.lostProducers.stop();
    this.#cut.clear();
    if (!this.stream.end) this.#options.channels.unsubscribeFrom(this.#options.pattern).catch(() => undefined);
  }
}
