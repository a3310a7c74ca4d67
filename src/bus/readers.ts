import { EventBusError } from "./errors.js";
import type { EventStream } from "./event-stream.js";
import type { SubscribeOptions } from "./hub-options.js";
import { Reader, type ReaderHost } from "./reader.js";
import type { Replay } from "./replay.js";
import type { Run } from "./run.js";
import { type BusStats, dimensions, type Scope, type StatsDetails, zeros } from "./stats.js";
import type { Subscription } from "./subscription.js";

export interface ReaderLimits {
  readonly maxQueueSize: number;
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
  /** Readers turned away, and those attached. */
  readonly rejected = zeros(dimensions.scope.values);
  readonly attached = zeros(dimensions.scope.values);
  readonly #droppedByLeft = zeros(dimensions.scope.values);
  readonly #limits: ReaderLimits;
  readonly #host: ReaderHost;
  readonly #runs = new Map<Reader, Run | undefined>();

  constructor(limits: ReaderLimits, host: ReaderHost) {
    this.#limits = limits;
    this.#host = host;
  }

  /** @throws EventBusError when as many are attached, or about to be, as the option allows. */
  admit(scope: Scope, coming = 0): void {
    const option = scope === "run" ? "maxRunSubscribers" : "maxGlobalSubscribers";
    const limit = this.#limits[option];
    const attached = this.attached[scope] + coming;
    if (attached < limit) return;
    this.rejected[scope] += 1;
    const message = `\`${option}\` allows ${limit} readers, and ${attached} are attached`;
    throw new EventBusError("SPANBUS_SUBSCRIBER_LIMIT", message);
  }

  attach({ run, stream, replay, options, left }: Attachment): Subscription {
    const { after, signal, idleTimeoutMillis } = options;
    const scope = scopeOf(run);
    const feed = stream.feed(options, (where, event) => {
      // In a run a gap passes every filter. Among all runs it names one, which `where` may hide: then it is told otherwise.
      if (run && event.type === "bus.gap") return true;
      return Boolean(this.#host.decide("where", () => where(event), false));
    });
    // Taken before the reader's own filter is asked about the replay: from here on it is live.
    const position = feed.log.head;
    // Counted before its filter runs, which may subscribe as well.
    this.attached[scope] += 1;
    const filtered = options.types !== undefined || options.where !== undefined;
    const reader: Reader = new Reader(this.#host, {
      log: feed.log,
      position,
      replay: filtered ? replay.events.filter((event) => feed.matches(event)) : replay.events,
      gap: replay.gap,
      after: run === undefined || after === "live" ? undefined : after,
      signal,
      idleTimeoutMillis,
      left: (dropped) => {
        this.#droppedByLeft[scope] += dropped;
        this.#runs.delete(reader);
        this.attached[scope] -= 1;
        stream.release(feed);
        left?.();
      },
    });
    this.#runs.set(reader, run);
    try {
      reader.start();
    } catch (error) {
      // A signal that only looked like one: whoever subscribed gets no reader to close.
      reader.close();
      throw error;
    }
    return reader as Reader & Subscription;
  }

  /** Ends the readers of a run at once, whichever generation they read. */
  release(runId: string): void {
    for (const [reader, run] of this.#runs) if (run?.id === runId) reader.release({ reason: "dropped" });
  }

  /** What was lost, what waits and what might, of all readers. */
  figures(): Pick<StatsDetails, "dropped" | "queuedEvents" | "queueCapacity" | "queueUtilization"> {
    const { maxQueueSize } = this.#limits;
    const { run: byRuns, global: byAll } = this.#droppedByLeft;
    const dropped = { run: { lagged: byRuns }, global: { lagged: byAll } };
    const queuedEvents = zeros(dimensions.scope.values);
    const queueUtilization = zeros(dimensions.scope.values);
    for (const [reader, run] of this.#runs) {
      const scope = scopeOf(run);
      dropped[scope].lagged += reader.dropped;
      queuedEvents[scope] += reader.size;
      queueUtilization[scope] = Math.max(queueUtilization[scope], reader.unread / maxQueueSize);
    }
    const { run, global } = this.attached;
    const queueCapacity = { run: run * maxQueueSize, global: global * maxQueueSize };
    return { dropped, queuedEvents, queueCapacity, queueUtilization };
  }

  /** Events waiting for each reader. */
  depths(): NonNullable<BusStats["queueDepths"]> {
    const global: number[] = [];
    const runs: Record<string, number[]> = Object.create(null);
    for (const [reader, run] of this.#runs) {
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

function scopeOf(run: Run | undefined): Scope {
  return run ? "run" : "global";
}
