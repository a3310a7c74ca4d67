import { EventBusError } from "./errors.js";
import type { EventStream } from "./event-stream.js";
import type { SubscribeOptions } from "./hub-options.js";
import { Reader, type ReaderHost } from "./reader.js";
import type { Replay } from "./replay.js";
import type { Run } from "./run.js";
import type { BusStats } from "./stats.js";
import type { Subscription } from "./subscription.js";

export interface ReaderLimits {
  readonly maxRunSubscribers: number;
  readonly maxGlobalSubscribers: number;
}

/** Where a reader attaches: to a run, or with none to all of them. */
export interface Attachment {
  readonly run: Run | undefined;
  readonly stream: EventStream;
  readonly replay: Replay;
  readonly options: SubscribeOptions;
  /** Called when the reader is over. */
  left?(): void;
}

/** All readers that are attached. */
export class Readers {
  /** Readers turned away. */
  rejected = 0;
  #droppedByLeft = 0;
  readonly #limits: ReaderLimits;
  readonly #host: ReaderHost;
  readonly #attached = new Map<Reader, Run | undefined>();
  #global = 0;

  constructor(limits: ReaderLimits, host: ReaderHost) {
    this.#limits = limits;
    this.#host = host;
  }

  get ofRuns(): number {
    return this.#attached.size - this.#global;
  }

  get ofAll(): number {
    return this.#global;
  }

  /** @throws EventBusError when as many are attached as the option allows. */
  admit(scope: "run" | "global"): void {
    const [option, attached] =
      scope === "run" ? (["maxRunSubscribers", this.ofRuns] as const) : (["maxGlobalSubscribers", this.ofAll] as const);
    const limit = this.#limits[option];
    if (attached < limit) return;
    this.rejected += 1;
    const message = `\`${option}\` allows ${limit} readers, and ${attached} are attached`;
    throw new EventBusError("SPANBUS_SUBSCRIBER_LIMIT", message);
  }

  attach({ run, stream, replay, options, left }: Attachment): Subscription {
    const { after, signal, idleTimeoutMillis } = options;
    const feed = stream.feed(options, (where, event) => Boolean(this.#host.decide("where", () => where(event), false)));
    // Taken before the reader's own filter is asked about the replay: from here on it is live.
    const position = feed.log.head;
    const filtered = options.types !== undefined || options.where !== undefined;
    const reader: Reader = new Reader(this.#host, {
      log: feed.log,
      position,
      replay: filtered ? replay.events.filter((event) => feed.matches(event)) : replay.events,
      gap: replay.gap,
      after: after === "live" ? undefined : after,
      signal,
      idleTimeoutMillis,
      left: (dropped) => {
        this.#droppedByLeft += dropped;
        this.#attached.delete(reader);
        if (!run) this.#global -= 1;
        stream.release(feed);
        left?.();
      },
    });
    this.#attached.set(reader, run);
    if (!run) this.#global += 1;
    reader.start();
    return reader as Reader & Subscription;
  }

  /** Ends the readers of a run at once. */
  release(run: Run): void {
    for (const [reader, of] of this.#attached) if (of === run) reader.release({ reason: "dropped" });
  }

  /** Events lost by all readers, those attached included. */
  get totalDropped(): number {
    let total = this.#droppedByLeft;
    for (const reader of this.#attached.keys()) total += reader.dropped;
    return total;
  }

  /** Events waiting for all readers. */
  get queued(): number {
    let total = 0;
    for (const reader of this.#attached.keys()) total += reader.size;
    return total;
  }

  /** Events waiting for each reader. */
  depths(): NonNullable<BusStats["queueDepths"]> {
    const global: number[] = [];
    const runs: Record<string, number[]> = Object.create(null);
    for (const [reader, run] of this.#attached) {
      let sizes = global;
      if (run) {
        runs[run.id] ??= [];
        sizes = runs[run.id] ?? [];
      }
      sizes.push(reader.size);
    }
    return { global, runs };
  }
}
