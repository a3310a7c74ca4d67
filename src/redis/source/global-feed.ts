import { eventId } from "../../bus/cursor.js";
import type { BusEvent, Outcome, SubscriptionEnd } from "../../bus/event.js";
import { EventStream } from "../../bus/event-stream.js";
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
  readonly lostProducers: LostProducers;
  /** A message came. */
  arrived(message: Message): void;
  failed(error: unknown): void;
}

/** Every run, live, while somebody reads it. */
export class GlobalFeed {
  stream: EventStream;
  readonly #options: GlobalFeedOptions;
  #users = 0;
  #subscribed: Promise<void> | undefined;
  #last: BusEvent | undefined;
  /** Messages may have been lost before the first event came. */
  #isCut = false;

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

  /** Nobody knows what came meanwhile. A gap stands where an event is: that is told with the next one, if none came yet. */
  resumed(): void {
    if (this.#last) this.#cut(this.#last.id, this.#last.runId);
    else if (this.#users > 0) this.#isCut = true;
  }

  finish(end: SubscriptionEnd): void {
    this.#options.lostProducers.stop();
    this.stream.finish(end);
  }

  #apply(runId: string, { epoch, from, opened, lines }: Message): void {
    if (this.#isCut) this.#cut(eventId(epoch, from), runId);
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

  #cut(id: string, runId: string): void {
    this.#isCut = false;
    this.#append(controlEvent(id, runId, "bus.gap", { missed: 0, reason: "cut" }));
  }

  #closed(runId: string, id: string, outcome: Outcome): void {
    this.#append(controlEvent(id, runId, "bus.run.closed", { outcome }));
  }

  #append(event: BusEvent): void {
    this.#options.received(event);
    this.#last = event;
    this.stream.append(event, this.#options.now(), undefined);
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
    this.#last = undefined;
    this.#isCut = false;
    if (!this.stream.end) this.#options.channels.unsubscribeFrom(this.#options.pattern).catch(() => undefined);
  }
}
